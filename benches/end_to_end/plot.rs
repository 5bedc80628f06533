//! Cost against size, as a picture.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use crate::report::Size;
use crate::round::STEPS;

const COLOURS: [RGBColor; 5] = [
    RGBColor(90, 90, 90),
    RGBColor(190, 60, 30),
    RGBColor(20, 110, 170),
    RGBColor(30, 140, 80),
    RGBColor(140, 80, 170),
];

/// Draws microseconds per report against reports: a straight way up would be a line, and cost that grows
/// with the size only is flat.
pub(crate) fn draw(sizes: &[Size], file: &Path) -> Result<()> {
    let sizes: Vec<&Size> = sizes.iter().filter(|size| !size.one_cycle).collect();
    let per_report = |size: &Size, seconds: f64| {
        #[expect(clippy::cast_precision_loss, reason = "a count of reports is far below 2^52")]
        let reports = size.reports as f64;
        (reports, seconds * 1e6 / reports)
    };
    let lines: Vec<(&str, Vec<(f64, f64)>)> = std::iter::once((
        "F: COPY of the same rows",
        sizes.iter().map(|size| per_report(size, size.floor())).collect(),
    ))
    .chain(STEPS.iter().enumerate().map(|(number, step)| {
        (*step, sizes.iter().map(|size| per_report(size, size.seconds(number))).collect())
    }))
    .collect();
    let all = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    let width = all().map(|(x, _)| x).fold(f64::NAN, f64::max);
    let narrow = all().map(|(x, _)| x).fold(f64::NAN, f64::min);
    let height = all().map(|(_, y)| y).fold(f64::NAN, f64::max);

    let area = SVGBackend::new(file, (860, 460)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .caption("Seconds from the upstream's answer to committed rows, per report", ("sans-serif", 18))
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d((narrow * 0.9..width * 1.1).log_scale(), 0.0..height * 1.1)?;
    chart
        .configure_mesh()
        .x_desc("reports stored, in 24 months (logarithmic)")
        .y_desc("microseconds per report")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .light_line_style(WHITE)
        .draw()?;
    for ((name, points), colour) in lines.into_iter().zip(COLOURS) {
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(points.clone(), style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        chart.draw_series(points.into_iter().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    chart.configure_series_labels().background_style(WHITE).border_style(RGBColor(200, 200, 200)).draw()?;
    area.present()?;
    Ok(())
}
