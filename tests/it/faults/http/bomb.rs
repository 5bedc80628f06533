//! Answers that are small on the wire and huge when they are read.

use flate2::{Compress, Compression, FlushCompress};

use super::upstream::{Act, JSON, Upstream, answer};
use crate::cli::lab::{CommandLab, months_ago};
use crate::faults::peak;

/// What the program takes for a few good entries.
async fn usual(lab: &CommandLab) -> u64 {
    let (ended, peak) = peak::of(lab.call(&["sync", "--cycle", &months_ago(2).to_string()])).await;
    ended.with_code(0).says(&["3 new"]);
    peak
}

/// A mebibyte on the wire, a gibibyte when it is unpacked.
fn packed(begin: &str, filler: u8) -> Vec<u8> {
    let mut deflate = Compress::new(Compression::best(), false);
    // After a full flush nothing refers to what came before, so a piece packed once may be sent over and over.
    let mut piece = |bytes: &[u8]| {
        let mut packed = Vec::with_capacity(1 << 20);
        deflate.compress_vec(bytes, &mut packed, FlushCompress::Full).expect("it can be packed");
        assert!(packed.len() < packed.capacity(), "it fits");
        packed
    };
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let (begin, filler) = (piece(begin.as_bytes()), piece(&vec![filler; 16 << 20]));
    [&header, &begin[..], &filler.repeat(64)].concat()
}

#[tokio::test]
async fn a_compressed_bomb_is_cut_off_by_its_decoded_size_in_bounded_memory() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    let usual = usual(&lab).await;
    for (what, bomb) in [
        ("an endless name", packed(r#"{"reports":[{"partner_company_name":""#, b'x')),
        ("endless blanks", packed(r#"{"reports":["#, b' ')),
    ] {
        assert!(bomb.len() < 2 << 20, "{} bytes on the wire", bomb.len());
        let headers = [JSON, "content-encoding: gzip"];
        let upstream = Upstream::always(vec![Act::Send(answer("200 OK", &headers, &bomb))]).await;
        let call = lab
            .call(&["sync", "--cycle", &cycle.to_string()])
            .set("accounts.emea.base_url", &upstream.base_url())
            .set("sync.max_response_bytes", "16MiB")
            .set("sync.max_attempts", "5");
        let (ended, peak) = peak::of(call).await;
        ended.with_code(1).says(&["larger than 16777216 bytes decoded", "sync.max_response_bytes"]);
        println!("{what}: {peak} KiB");
        // Less than what is let through, so it was not held in memory.
        assert!(peak < usual + (8 << 10), "{what} took {peak} KiB, a few entries {usual}");
        assert_eq!(upstream.asked().len(), 1, "{what}: asking again would only repeat it");
    }
    assert_eq!(
        lab.texts(
            "select outcome || ' ' || coalesce(body_bytes::text, 'nothing kept') from lmp_billing.cycle_polls
             order by id offset 1"
        )
        .await,
        ["failed nothing kept"; 2]
    );
    assert_eq!(lab.count("select count(*) from lmp_billing.reports").await, 3, "those from before");
    let converging = lab.succeeds(&["sync", "--cycle", &cycle.to_string()]).await;
    converging.says(&["3 new"]);
}

/// What gets through the limit of bytes must not grow when it is read, set aside and stored.
#[tokio::test]
async fn an_answer_full_of_the_largest_bad_entries_is_set_aside_in_bounded_memory_and_room() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    let usual = usual(&lab).await;
    // 30 MiB: a thousand entries that cannot be read, each of another kind of too long.
    let text = "x".repeat(30 << 10);
    let entries: Vec<String> = (0..1000)
        .map(|n| match n % 4 {
            0 => format!(r#"{{"id":"{n}{text}"}}"#),
            1 => format!(r#"{{"{n}{text}":1,"{n}{text}":2}}"#),
            2 => format!(r#"["{n}{text}"]"#),
            _ => format!(r#"{{"id":"01010101-0101-0101-0101-010101010101","status":"{n}{text}"}}"#),
        })
        .collect();
    let body = format!(r#"{{"reports":[{}]}}"#, entries.join(","));
    let upstream = Upstream::always(vec![Act::Send(answer("200 OK", &[JSON], body.as_bytes()))]).await;
    let call = lab.call(&["sync", "--cycle", &cycle.to_string()]);
    let (ended, peak) = peak::of(call.set("accounts.emea.base_url", &upstream.base_url())).await;
    ended.with_code(1).says(&["1000 entries quarantined"]);
    println!("a thousand large bad entries: {peak} KiB");
    // Eight of each thirty kilobytes are kept, and held a few times while they are sent.
    assert!(peak < usual + (48 << 10), "took {peak} KiB, a few entries {usual}");
    assert_eq!(lab.count("select count(*) from lmp_billing.quarantined_reports").await, 1000);
    let stored =
        "select sum(octet_length(payload) + octet_length(detail)) from lmp_billing.quarantined_reports";
    let stored = lab.count(stored).await;
    assert!(stored < 10 << 20, "{stored} bytes are kept of one answer");
}

/// Far larger than any report, yet reports: taken one by one.
#[tokio::test]
async fn entries_of_megabytes_cost_the_memory_of_one_of_them() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    let usual = usual(&lab).await;
    let size = 4 << 20;
    let text = "x".repeat(size);
    let entry = |n: u8| {
        let id = uuid::Uuid::from_bytes([n; 16]);
        let (start, end) = (cycle.first_day(), cycle.last_day());
        let (name, note) = if n.is_multiple_of(2) { (&*text, "") } else { ("Acme", &*text) };
        format!(
            r#"{{"id":"{id}","partner_company_name":"{name}","start_date":"{start}","end_date":"{end}","status":"Approved","note":"{note}"}}"#
        )
    };
    let entries: Vec<String> = (1..=6).map(entry).collect();
    let body = format!(r#"{{"reports":[{}]}}"#, entries.join(","));
    let upstream = Upstream::always(vec![Act::Send(answer("200 OK", &[JSON], body.as_bytes()))]).await;
    let call = lab.call(&["sync", "--cycle", &cycle.to_string()]);
    let (ended, peak) = peak::of(call.set("accounts.emea.base_url", &upstream.base_url())).await;
    println!("entries of 4 MiB: {peak} KiB");
    ended.with_code(0).says(&["6 new"]);
    // One is held some nine times over, from the window to the socket; all six would be that many more.
    assert!(peak < usual + (64 << 10), "took {peak} KiB, a few entries {usual}");
    let lengths = "select sum(length(partner_company_name) + length(extra->>'note')) from lmp_billing.reports
                   where version = 1 and length(extra::text) > 2";
    assert_eq!(lab.count(lengths).await, 6 * i64::try_from(size).unwrap() + 3 * 4);
}

#[tokio::test]
async fn an_entry_too_large_to_be_judged_is_no_answer() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    let usual = usual(&lab).await;
    let body = format!(r#"{{"reports":["{}"]}}"#, "x".repeat(16 << 20));
    let upstream = Upstream::always(vec![Act::Send(answer("200 OK", &[JSON], body.as_bytes()))]).await;
    let call = lab.call(&["sync", "--cycle", &cycle.to_string()]);
    let (ended, peak) = peak::of(call.set("accounts.emea.base_url", &upstream.base_url())).await;
    println!("an entry of 16 MiB: {peak} KiB");
    ended.with_code(1).says(&["larger than 16777216 bytes"]);
    assert!(peak < usual + (48 << 10), "took {peak} KiB, a few entries {usual}");
    assert_eq!(lab.count("select count(*) from lmp_billing.reports").await, 3, "those from before");
}
