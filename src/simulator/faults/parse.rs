//! Faults as they are written on the command line.

use std::str::FromStr;
use std::time::Duration;

use chrono::TimeDelta;
use humantime_serde::re::humantime;
use serde::Deserialize as _;
use serde::de::{IntoDeserializer as _, value};

use super::{BadEntry, Fault, FaultRule, RetryAfter};

/// Every fault, for `--help`.
pub const FAULT_HELP: &str = "\
A fault is written KIND, KIND=ARG, KIND@P or KIND=ARG@P, with durations like 500ms, 30s or 2m.

  400 … 599[=RETRY]     that status code; RETRY becomes the Retry-After header: seconds (429=30), a
                        date so far from now (429=date:30s, 429=date:-1h), or any other text as it is
  html                  status 200 with an HTML maintenance page
  json-error            status 200 with a JSON object that tells an error
  truncated             half the JSON, with a Content-Length that fits the half
  short-body            half the JSON, with the Content-Length of the whole, then the connection ends
  missing-last-chunk    all of the JSON in chunks, but the connection ends before the closing chunk
  reset-headers         the connection is reset within the response's headers
  reset-body            the connection is reset half-way through the body
  never                 the request is taken and never answered
  drip[=DURATION]       the answer comes one byte per DURATION (1s)
  redirect=URL          307 to URL
  latency=DURATION      the answer comes so much later
  content-type[=TYPE]   the right answer under another content type (text/plain)
  bad-entries[=LIST]    entries that are no reports or odd ones, beside the right ones; LIST is some of
                        masked-guid, missing-status, nul-in-name, lone-surrogate, contradiction,
                        duplicate, unknown-field, unknown-status, separated by commas (all of them)
  empty                 a list without reports
  shuffled              the reports in another order at every request
  clock-skew=DURATION   the server's clock is ahead by DURATION, or behind (clock-skew=-20m)

P says how often; without it the fault happens at every request. A whole number N means every N-th
request (503@3), a number below 1 a probability (reset-body@0.05).";

impl FromStr for FaultRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A URL may hold an `@` of its own: only one that a number follows says how often.
        if let Some((fault, often)) = text.rsplit_once('@') {
            if let Ok(nth) = often.parse::<u64>()
                && nth > 0
            {
                return Ok(Self::every(fault.parse()?, nth));
            }
            if let Ok(probability) = often.parse::<f64>()
                && (0.0..1.0).contains(&probability)
            {
                return Ok(Self::with_probability(fault.parse()?, probability));
            }
        }
        Ok(Self::always(text.parse()?))
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, argument) = match text.split_once('=') {
            Some((kind, argument)) => (kind, Some(argument)),
            None => (text, None),
        };
        let needed = |example| {
            argument.ok_or_else(|| format!("{kind} needs an argument, for example {kind}={example}"))
        };
        let bad = |argument: &str, hint| format!("{kind} does not take {argument:?}; {hint}");
        if let Some(fault) = simple(kind) {
            return argument.map_or(Ok(fault), |text| Err(bad(text, "it takes no argument")));
        }
        match kind {
            "drip" => {
                let text = argument.unwrap_or("1s");
                let interval = duration(text).ok_or_else(|| bad(text, DURATION_HINT))?;
                Ok(Self::Drip { interval })
            }
            "latency" => {
                let text = needed("2s")?;
                duration(text).map(Self::Latency).ok_or_else(|| bad(text, DURATION_HINT))
            }
            "clock-skew" => {
                let text = needed("-20m")?;
                offset(text).map(Self::ClockSkew).ok_or_else(|| bad(text, DURATION_HINT))
            }
            "redirect" => {
                let text = needed("http://other.host/")?;
                header_text(text).map(|to| Self::Redirect { to }).ok_or_else(|| bad(text, HEADER_HINT))
            }
            "content-type" => {
                let text = argument.unwrap_or("text/plain");
                header_text(text).map(Self::WrongContentType).ok_or_else(|| bad(text, HEADER_HINT))
            }
            "bad-entries" => {
                let Some(list) = argument else { return Ok(Self::BadEntries(BadEntry::ALL.to_vec())) };
                let find = |name: &str| {
                    let kind = BadEntry::deserialize(name.into_deserializer());
                    kind.map_err(|_: value::Error| bad(name, "see --help for the list"))
                };
                list.split(',').map(find).collect::<Result<_, _>>().map(Self::BadEntries)
            }
            code => {
                let code = code.parse().ok().filter(|code| (400..=599).contains(code));
                let code =
                    code.ok_or_else(|| format!("{kind:?} is no kind of fault; see --help for the list"))?;
                let retry_after = argument
                    .map(|text| retry_after(text).ok_or_else(|| bad(text, RETRY_AFTER_HINT)))
                    .transpose()?;
                Ok(Self::Status { code, retry_after })
            }
        }
    }
}

/// The kinds that take no argument.
fn simple(kind: &str) -> Option<Fault> {
    Some(match kind {
        "html" => Fault::Html,
        "json-error" => Fault::JsonError,
        "truncated" => Fault::TruncatedJson,
        "short-body" => Fault::ShortBody,
        "missing-last-chunk" => Fault::MissingLastChunk,
        "reset-headers" => Fault::ResetInHeaders,
        "reset-body" => Fault::ResetInBody,
        "never" => Fault::NeverAnswer,
        "empty" => Fault::Empty,
        "shuffled" => Fault::Shuffled,
        _ => return None,
    })
}

const DURATION_HINT: &str = "it takes a duration such as 30s or 500ms";
const HEADER_HINT: &str = "it takes printable ASCII text";
const RETRY_AFTER_HINT: &str = "it takes seconds, date:DURATION or other printable ASCII text";

/// So far a clock may be off: dates stay within what HTTP can write.
const GREATEST_OFFSET: TimeDelta = TimeDelta::days(36_500);

fn duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// A duration that may be negative.
fn offset(text: &str) -> Option<TimeDelta> {
    let (text, sign) = text.strip_prefix('-').map_or((text, 1), |text| (text, -1));
    let distance = TimeDelta::from_std(duration(text)?).ok()?;
    (distance <= GREATEST_OFFSET).then(|| distance * sign)
}

/// Text that can stand in a header.
fn header_text(text: &str) -> Option<String> {
    let printable = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    printable.then(|| text.to_owned())
}

fn retry_after(text: &str) -> Option<RetryAfter> {
    match text.strip_prefix("date:") {
        Some(distance) => offset(distance).map(RetryAfter::Date),
        None => header_text(text).map(RetryAfter::Text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        format!("{:?}", text.parse::<Fault>().unwrap())
    }

    #[test]
    fn every_kind_can_be_written() {
        for (text, fault) in [
            ("503", "Status { code: 503, retry_after: None }"),
            ("429=30", "Status { code: 429, retry_after: Some(Text(\"30\")) }"),
            ("429=soon", "Status { code: 429, retry_after: Some(Text(\"soon\")) }"),
            ("html", "Html"),
            ("json-error", "JsonError"),
            ("truncated", "TruncatedJson"),
            ("short-body", "ShortBody"),
            ("missing-last-chunk", "MissingLastChunk"),
            ("reset-headers", "ResetInHeaders"),
            ("reset-body", "ResetInBody"),
            ("never", "NeverAnswer"),
            ("drip", "Drip { interval: 1s }"),
            ("drip=5ms", "Drip { interval: 5ms }"),
            ("redirect=http://u@h/?a=b", "Redirect { to: \"http://u@h/?a=b\" }"),
            ("latency=2m", "Latency(120s)"),
            ("content-type", "WrongContentType(\"text/plain\")"),
            ("bad-entries=duplicate,masked-guid", "BadEntries([Duplicate, MaskedGuid])"),
            ("empty", "Empty"),
            ("shuffled", "Shuffled"),
        ] {
            assert_eq!(parsed(text), fault);
        }
        let date = "429=date:-1h".parse::<Fault>().unwrap();
        assert!(matches!(date, Fault::Status { retry_after: Some(RetryAfter::Date(offset)), .. }
            if offset == TimeDelta::hours(-1)));
        assert!(matches!("clock-skew=-20m".parse().unwrap(), Fault::ClockSkew(skew)
            if skew == TimeDelta::minutes(-20)));
        let each = "bad-entries=masked-guid,missing-status,nul-in-name,lone-surrogate,contradiction,\
                    duplicate,unknown-field,unknown-status";
        for text in ["bad-entries", each] {
            assert!(matches!(text.parse().unwrap(), Fault::BadEntries(all) if all == BadEntry::ALL));
        }
    }

    #[test]
    fn how_often_is_a_count_or_a_probability() {
        let parsed = |text: &str| format!("{:?}", text.parse::<FaultRule>().unwrap());
        assert!(parsed("html").contains("Always"));
        assert!(parsed("503@3").contains("EveryNth(3)"));
        assert!(parsed("latency=2s@0.25").contains("Probability(0.25)"));
        assert!(parsed("redirect=http://u@h/").contains("Always"));
        assert!(parsed("redirect=http://u@h/@2").contains("EveryNth(2)"));
    }

    #[test]
    fn mistakes_are_told() {
        let told = |text: &str| text.parse::<FaultRule>().unwrap_err();
        assert_eq!(told("htlm"), r#""htlm" is no kind of fault; see --help for the list"#);
        assert_eq!(told("200"), r#""200" is no kind of fault; see --help for the list"#);
        assert_eq!(told("html@often"), r#""html@often" is no kind of fault; see --help for the list"#);
        assert_eq!(told("latency"), "latency needs an argument, for example latency=2s");
        assert_eq!(
            told("latency=fast"),
            r#"latency does not take "fast"; it takes a duration such as 30s or 500ms"#
        );
        assert_eq!(told("html=1"), r#"html does not take "1"; it takes no argument"#);
        assert_eq!(told("bad-entries=odd"), r#"bad-entries does not take "odd"; see --help for the list"#);
        assert!(told("content-type=a\nb").contains("printable ASCII"));
        assert!(told("429=date:soon").contains("date:DURATION"));
        assert!(told("clock-skew=300years").contains("it takes a duration"));
    }
}
