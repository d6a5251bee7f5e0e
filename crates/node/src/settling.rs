//! Settling: a program that has started, or connected anew, lets go of the code that it took.

use std::time::Duration;

use tokio::time::sleep;

/// How long a start takes, with the first connection.
const START: Duration = Duration::from_secs(10);
/// How often what came back since then is looked after: connections are made anew, containers come and go. What is needed
/// comes back from the system's cache.
const EVERY: Duration = Duration::from_secs(60);

/// Lets go of code now and then, for as long as the runtime runs. For programs that hold little else.
pub fn settle() {
    drop(tokio::spawn(async {
        sleep(START).await;
        loop {
            heap::let_go_of_code();
            sleep(EVERY).await;
        }
    }));
}
