//! A page as a person's browser shows it: headless Chromium of Debian's `chromium`.
//!
//! The page's scripts run for a span of their own time, then its DOM is taken as text, or its
//! picture. That span passes faster than real time, except while the page waits for answers.
//! Looking into the DOM is by attributes of elements; there is no parser of HTML here.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process;

/// How long Chromium may take on a busy machine, its own start included.
const LIMIT_S: u64 = 45;
const WINDOW: &str = "--window-size=1280,1600";

/// Runs the page at `url` for `span` and yields its DOM.
///
/// # Panics
/// When Chromium is not installed or fails.
pub fn dom(url: &str, span: Duration) -> String {
    run(&["--dump-dom", &budget(span), url])
}

/// Runs the page at `url` for `span` and writes a PNG of it to `file`.
///
/// # Panics
/// When Chromium is not installed, fails or writes nothing.
pub fn screenshot(url: &str, span: Duration, file: &Path) {
    run(&[&format!("--screenshot={}", file.display()), &budget(span), url]);
    let length = fs::metadata(file).map_or(0, |data| data.len());
    assert!(length > 0, "chromium wrote no picture to {}", file.display());
}

/// The values of `attribute` over all elements of a DOM, in their order.
pub fn attributes<'a>(dom: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    let rest = dom.split(start.as_str()).skip(1);
    rest.filter_map(|after| after.split_once('"').map(|(value, _)| value)).collect()
}

/// The start tag of the first element with `attribute="value"`.
pub fn tag_with<'a>(dom: &'a str, attribute: &str, value: &str) -> Option<&'a str> {
    let place = dom.find(&format!(" {attribute}=\"{value}\""))?;
    let start = dom[..place].rfind('<')?;
    let length = dom[start..].find('>')?;
    Some(&dom[start..=start + length])
}

/// Virtual time: timers of the page run as fast as they can, and the clock of the page stands
/// still while it waits for an answer of the node.
fn budget(span: Duration) -> String {
    format!("--virtual-time-budget={}", span.as_millis())
}

fn run(arguments: &[&str]) -> String {
    let program = process::program("chromium", "chromium");
    let profile = tempfile::Builder::new().prefix("tributary-chromium-").tempdir().expect("a temporary folder");
    let mut command = Command::new("timeout");
    command.args(["--kill-after=1", &LIMIT_S.to_string()]).arg(program);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync", WINDOW]);
    command.arg(format!("--user-data-dir={}", profile.path().display())).args(arguments);
    let output = command.env("HOME", profile.path()).output().expect("timeout of coreutils is on every Linux");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "chromium ended with {}: {}", output.status, process::tail(&errors));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<body data-ready="1"><tr class="x" data-host="a"><tr data-host="b &amp; c"></tr>
        <svg data-points="60" data-chart="system.cpu"></svg></body>"#;

    /// Goal: attributes are found in order, and the tag around one whole.
    #[test]
    fn attributes_and_tags() {
        assert_eq!(attributes(PAGE, "data-host"), ["a", "b &amp; c"]);
        assert_eq!(attributes(PAGE, "data-none"), [""; 0]);
        let tag = tag_with(PAGE, "data-chart", "system.cpu").unwrap();
        assert_eq!(tag, r#"<svg data-points="60" data-chart="system.cpu">"#);
        assert_eq!(tag_with(PAGE, "data-chart", "system.load"), None);
    }

    /// Goal: Chromium runs a page's scripts before its DOM is taken, and can draw it.
    #[test]
    fn scripts_run() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page.html");
        let script = "setTimeout(() => document.body.dataset.ready = 1, 300)";
        fs::write(&page, format!("<body><p>text</p><script>{script}</script></body>")).unwrap();
        let url = format!("file://{}", page.display());
        assert_eq!(attributes(&dom(&url, Duration::from_secs(2)), "data-ready"), ["1"]);
        screenshot(&url, Duration::from_secs(1), &folder.path().join("page.png"));
    }
}
