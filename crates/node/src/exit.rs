//! How a program ends: its exit status.

/// The status for mistakes in settings or usage.
pub const USAGE: u8 = 2;
/// The status for everything else.
pub const FAILURE: u8 = 1;

/// Makes a panic anywhere end the process, after it was logged: for a program whose supervisor
/// starts it again.
pub fn on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(info);
        std::process::abort();
    }));
}
