//! Our collector beside a real Netdata that collects the same machine in the same seconds; `make bench`
//! has the same over five minutes, with what both cost.

use integration_tests::beside::Pair;
use integration_tests::traffic::Traffic;

/// Goal: every chart and dimension of Netdata is there, described as there, or is missing for a reason;
/// what both have shows the same of the machine.
#[test]
fn the_same_machine() {
    let _traffic = Traffic::start();
    let pair = Pair::start("beside");
    let window = pair.window(38);
    pair.wait_for(window);
    pair.compare(window);
}
