//! Requests: what is asked of a Prometheus query API, as paths with their queries.
//!
//! A value that stands for `step` seconds is asked for as `avg_over_time(…[step less a millisecond])` at their
//! end. A Prometheus before 3 counts a sample at the very beginning of a range, too, VictoriaMetrics does not;
//! with the millisecond less, both take exactly those after it. Values in time are never asked for without a
//! range: servers repeat the last sample for minutes where there is none.

use row::Guid;
use rrd_store::query::What;

/// Rows of a series that one request asks for: Prometheus gives 11,000 at most.
pub(crate) const ROWS_MAX: usize = 10_000;

/// Rows of one chart.
pub(crate) fn rows(host: Guid, chart: &str, what: What, step_s: i64, after_s: i64, before_s: i64) -> String {
    let function = match what {
        What::Average => "avg_over_time",
        What::Sum => "sum_over_time",
        What::Least => "min_over_time",
        What::Most => "max_over_time",
    };
    let range = match step_s {
        1 => "999ms".to_owned(),
        _ => format!("{}s999ms", step_s - 1),
    };
    let selector = format!(r#"{{node="{host}",chart="{}",__name__=~".+_average"}}"#, quoted(chart));
    let query = percent(&format!("{function}({selector}[{range}])"));
    // VictoriaMetrics moves the begin of what it might keep.
    format!("/api/v1/query_range?query={query}&start={}&end={before_s}&step={step_s}&nocache=1", after_s + step_s)
}

/// When hosts wrote last, by their labels `node` and `instance`: of the last minutes as it is, before that as steps
/// of five minutes find it, for which a sample counts.
pub(crate) fn hosts(for_s: u64) -> String {
    let stamp = r#"timestamp(netdata_info{node!=""})"#;
    let last = |of: &str| format!("max by (node,instance) ({of})");
    let query = format!("{} or {}", last(stamp), last(&format!("max_over_time({stamp}[{for_s}s:5m])")));
    format!("/api/v1/query?query={}", percent(&query))
}

/// The series of a host that had samples.
pub(crate) fn series(host: Guid, after_s: i64, before_s: i64) -> String {
    let selector = format!(r#"{{node="{host}",chart!="",__name__=~".+_average"}}"#);
    format!("/api/v1/series?match[]={}&start={after_s}&end={before_s}", percent(&selector))
}

/// A text within the quotes of a query.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            character => quoted.push(character),
        }
    }
    quoted
}

fn percent(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Guid = Guid::from_bytes([4; 16]);

    fn plain(encoded: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = encoded.bytes();
        while let Some(byte) = rest.next() {
            let digits =
                || [rest.clone().next(), rest.clone().nth(1)].map(|b| (b.unwrap() as char).to_digit(16).unwrap() as u8);
            if byte == b'%' {
                let [high, low] = digits();
                bytes.push(high << 4 | low);
                rest.nth(1);
            } else {
                bytes.push(byte);
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    /// Goal: a chart's id cannot leave its quotes, and rows end where they were asked for.
    #[test]
    fn requests() {
        let node = "04040404-0404-0404-0404-040404040404";
        assert_eq!(
            plain(&rows(HOST, "a.\"b\\\n}ü", What::Average, 60, 120, 240)),
            format!(
                "/api/v1/query_range?query=avg_over_time({{node=\"{node}\",chart=\"a.\\\"b\\\\\\n}}ü\",__name__=~\".+_average\"}}[59s999ms])\
                 &start=180&end=240&step=60&nocache=1"
            )
        );
        assert!(
            plain(&rows(HOST, "a", What::Most, 1, 0, 9)).contains("max_over_time({")
                && rows(HOST, "a", What::Sum, 1, 0, 9).contains("%5B999ms%5D")
        );
        let url = rows(HOST, "a b&c=d#é", What::Least, 1, 0, 9);
        assert!(url.bytes().all(|byte| byte.is_ascii_graphic()) && url.matches(['&', '#']).count() == 4, "{url}");
    }
}
