//! Tables that are tables for a screen reader, also where a phone shows their rows as cards.

use maud::{Markup, html};

/// A column's heading, and whether it holds numbers.
#[derive(Clone, Copy)]
pub(super) struct Column(&'static str, bool);

/// A column of words.
pub(super) const fn words(heading: &'static str) -> Column {
    Column(heading, false)
}

/// A column of numbers.
pub(super) const fn numbers(heading: &'static str) -> Column {
    Column(heading, true)
}

/// What a cell holds.
pub(super) struct Cell {
    content: Markup,
    /// Nothing worth a line on a phone.
    is_nought: bool,
}

impl From<Markup> for Cell {
    fn from(content: Markup) -> Self {
        Self { content, is_nought: false }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        html! { (text) }.into()
    }
}

/// A count; noughts are greyed, and left out on a phone.
pub(super) fn tally(count: i64) -> Cell {
    Cell { content: html! { (super::text::count(count)) }, is_nought: count == 0 }
}

/// A table whose rows are headed by their first cell.
///
/// On a phone the style turns rows into blocks, for which browsers drop the meaning of the elements: hence
/// the roles, and each cell's heading as its label.
pub(super) fn table<const N: usize>(
    caption: &Markup,
    columns: [Column; N],
    rows: impl IntoIterator<Item = [Cell; N]>,
) -> Markup {
    html! {
        table role="table" {
            caption { (caption) }
            thead role="rowgroup" {
                tr role="row" {
                    @for Column(heading, is_number) in &columns {
                        th scope="col" role="columnheader" .number[*is_number] { (heading) }
                    }
                }
            }
            tbody role="rowgroup" {
                @for row in rows {
                    tr role="row" {
                        @for (place, (Column(heading, is_number), cell)) in columns.iter().zip(row).enumerate() {
                            @if place == 0 {
                                th scope="row" role="rowheader" { (cell.content) }
                            } @else {
                                td role="cell" data-label=(heading) .number[*is_number] .nought[cell.is_nought] {
                                    span { (cell.content) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
