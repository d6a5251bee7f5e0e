//! What a plugin prints, and what the store has of it then.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::Mutex;

use row::{ChartDefinition, DimensionDefinition, Guid, Now};
use rrd_store::query::{Charts, Query, WindowRequest};
use rrd_store::{
    Call, Elapsed, Feed, FeedKind, Host, HostInfo, Keep, Life, MemoryMode, News, OpenCall, Patience, Store,
};

use crate::nodes::Nodes;
use crate::session::{Fault, Session};

const START_S: i64 = 1_795_387_000;
const OTHER: &str = "11111111-2222-3333-4444-555555555555";
const KEEP: Keep = Keep::new(MemoryMode::Ram, 300);

/// A node with a plugin, and its clock.
struct World {
    store: Arc<Store>,
    own: Feed,
    nodes: Rc<Nodes>,
    session: Session,
    us: u64,
    /// Names of hosts that plugins began to feed.
    begun: Arc<Mutex<Vec<String>>>,
}

fn info(byte: u8, name: &str) -> HostInfo {
    HostInfo { hostname: name.into(), hops: 0, ..HostInfo::unknown(Guid::from_bytes([byte; 16])) }
}

impl World {
    fn new() -> Self {
        let store = Arc::new(Store::new());
        let own = store.claim(&info(1, "own"), KEEP, FeedKind::Local);
        let begun = Arc::<Mutex<Vec<String>>>::default();
        let told = Arc::clone(&begun);
        let on_host = Box::new(move |host: &Arc<Host>| told.lock().unwrap().push(host.info().hostname.clone()));
        let nodes = Rc::new(Nodes::new(Arc::clone(&store), own.share(), KEEP, on_host));
        let session = Session::new(Rc::clone(&nodes), "test.plugin", 1);
        Self { store, own, nodes, session, us: 0, begun }
    }

    fn now(&self) -> Now {
        Now { wall_us: START_S * 1_000_000 + self.us as i64, mono_us: self.us + 7 }
    }

    /// The plugin prints this, of which all is taken.
    fn says(&mut self, text: &str) -> Result<(), Fault> {
        let now = self.now();
        let taken = self.session.receive(text.as_bytes(), now)?;
        assert_eq!(taken, text.len(), "{text}");
        Ok(())
    }

    fn said(&mut self, text: &str) {
        self.says(text).unwrap_or_else(|fault| panic!("{fault}"));
    }

    fn pass(&mut self, us: u64) {
        self.us += us;
    }

    fn host(&self) -> &Host {
        self.own.host()
    }

    /// What the chart's dimensions have, second by second.
    fn rows(&self, host: &Host, chart: &str) -> Vec<(i64, Vec<Option<f64>>)> {
        let before_s = START_S + self.us as i64 / 1_000_000;
        let window = WindowRequest { after_s: START_S - 1, before_s, ..Default::default() };
        let query = Query { window, ..Query::new(Charts::One(chart)) };
        let Ok(answer) = host.query(&query, before_s + 10) else { return Vec::new() };
        let some = |value: f64| Some(value).filter(|value| !value.is_nan());
        let rows = answer.rows().map(|(s, row)| (s - START_S, row.iter().map(some).collect::<Vec<_>>()));
        rows.filter(|(_, row)| row.iter().any(Option::is_some)).collect()
    }

    fn values(&self, chart: &str) -> Vec<f64> {
        self.rows(self.host(), chart).iter().map(|(_, row)| row[0].unwrap()).collect()
    }
}

const APPS: &str = "\
CHART apps.cpu '' 'Apps CPU Time (100% = 1 core)' 'percentage' cpu apps.cpu stacked 20001 1
DIMENSION system '' absolute 1 100
DIMENSION 'my app' my-app absolute 1 100 hidden
";

/// Goal: charts of the real plugins are defined as they say, and what they leave out has its default.
#[test]
fn definitions() {
    let mut world = World::new();
    world.said(APPS);
    world.said(
        "CHART example_four.random '' 'A random number' 'random number' 'random' 'random' line 90000 5 '' \
         'python.d.plugin' 'example'\n\
         CLABEL '_collect_job' 'four' '536870913'\nCLABEL_COMMIT\n\nDIMENSION 'r1' 'r1' absolute 1 1 ' '\n\
         CHART netfilter.new '' 'New' 'connections/s' netlink '' line 8701 1 nfacct.plugin\nCHART a.b\n",
    );
    let definition = |id: &str, f: &dyn Fn(&ChartDefinition<'_>)| {
        world.host().read(|view| f(&view.find_chart(id).unwrap().definition()));
    };
    definition("apps.cpu", &|chart| {
        assert_eq!((chart.title, chart.units, chart.family), ("Apps CPU Time (100% = 1 core)", "percentage", "cpu"));
        assert_eq!((chart.plugin, chart.module, chart.priority), ("test.plugin", "", 20_001));
        assert_eq!(chart.chart_type, row::ChartType::Stacked);
    });
    definition("example_four.random", &|chart| {
        assert_eq!((chart.context, chart.plugin, chart.module), ("random", "python.d.plugin", "example"));
        assert_eq!(chart.update_every_s, 5);
    });
    definition("netfilter.new", &|chart| {
        assert_eq!((chart.context, chart.plugin), ("netfilter.new", "test.plugin"));
    });
    definition("a.b", &|chart| {
        assert_eq!((chart.title, chart.units, chart.family, chart.context), ("", "unknown", "b", "a.b"));
        assert_eq!((chart.priority, chart.update_every_s), (1_000, 1));
    });
    world.host().read(|view| {
        let labels: Vec<_> = view.find_chart("example_four.random").unwrap().labels().collect();
        assert_eq!(labels, [row::Label { name: "_collect_job", value: "four", source: 1 }]);
        let dimensions: Vec<_> = view.find_chart("apps.cpu").unwrap().dimensions().collect();
        assert_eq!((dimensions[1].id, dimensions[1].name), ("my app", "my-app"));
        assert!(dimensions[1].options.has(row::DimensionOptions::HIDDEN));
    });
}

/// Goal: rows are stored, whatever the order of their dimensions; what is not set is a gap, and what is
/// flushed was never there.
#[test]
fn rows_are_stored() {
    let mut world = World::new();
    world.said("CHART a.b\nDIMENSION c '' absolute 1 100\nDIMENSION 'd e' '' absolute 1 100\n");
    world.said("BEGIN a.b\nSET c = 100\nSET 'd e' = 200\nEND\n");
    world.pass(1_000_000);
    world.said("BEGIN a.b 1000000\nSET 'd e' = 400\nSET c = 300\nEND\n");
    world.pass(1_000_000);
    world.said("BEGIN a.b 1000000\nSET c = 500\nSET 'd e' =\nEND\n");
    world.pass(1_000_000);
    world.said("BEGIN a.b 1000000\nSET c = 900\nFLUSH\n");
    let rows = world.rows(world.host(), "a.b");
    let expected = [(1, vec![Some(3.0), Some(4.0)]), (2, vec![Some(5.0), None])];
    assert_eq!(rows[rows.len() - 2..], expected, "{rows:?}");
    assert_eq!(world.session.rows(), 3);
}

/// Goal: it does not matter where reads cut the output, and other rows of the host may come in between.
#[test]
fn cuts_and_neighbours() {
    let row = "BEGIN apps.cpu 1000000\nSET system = 100\nSET 'my app' = 200\nEND\n";
    let whole = {
        let mut world = World::new();
        world.said(APPS);
        for _ in 0..3 {
            world.pass(1_000_000);
            world.said(row);
        }
        world.rows(world.host(), "apps.cpu")
    };
    for cut in 1..row.len() {
        let mut world = World::new();
        world.said(APPS);
        let mut own = world.own.share();
        let other = own.writer(world.now()).unwrap().define_chart(&ChartDefinition {
            id: "own.chart",
            update_every_s: 1,
            ..Default::default()
        });
        let other = other.unwrap();
        let value = own
            .writer(world.now())
            .unwrap()
            .define_dimension(other, &DimensionDefinition { id: "v", ..Default::default() });
        for _ in 0..3 {
            world.pass(1_000_000);
            let now = world.now();
            let taken = world.session.receive(&row.as_bytes()[..cut], now).unwrap();
            let mut writer = own.writer(now).unwrap();
            writer.begin(other);
            writer.set(value.unwrap(), 7);
            writer.end(Elapsed::Clock);
            drop(writer);
            assert_eq!(world.session.receive(&row.as_bytes()[taken..], now).unwrap(), row.len() - taken);
        }
        assert_eq!(world.rows(world.host(), "apps.cpu"), whole, "cut at {cut}");
        assert!(world.values("own.chart").iter().all(|&value| value == 7.0), "cut at {cut}");
    }
}

/// Goal: rates are made with the plugin's own durations as long as they are near our clock; those that are
/// far off count only where the plugin asks to be trusted.
#[test]
fn durations() {
    let define = "CHART a.b\nDIMENSION c '' incremental\n";
    let run = |trusted: &str, elapsed_us: u64| {
        let mut world = World::new();
        world.said(&format!("{trusted}{define}"));
        let mut counter = 0;
        for _ in 0..10 {
            // Our clock jitters by 100 ms, and the plugin counts 1000 in each second of its own.
            let jitter = if counter % 2_000 == 0 { 950_000 } else { 1_050_000 };
            world.pass(jitter);
            counter += 1_000;
            world.said(&format!("BEGIN a.b {elapsed_us}\nSET c = {counter}\nEND\n"));
        }
        world.values("a.b").split_off(3)
    };
    let steady = run("", 1_000_000);
    assert!(steady.iter().all(|rate| (rate - 1_000.0).abs() < 0.01), "{steady:?}");
    let lying = run("", 60_000_000);
    assert!(lying.iter().all(|rate| (rate - 1_000.0).abs() < 101.0), "{lying:?}");
    let trusted = run("TRUST_DURATIONS\n", 500_000);
    assert!(trusted.iter().all(|rate| (rate - 2_000.0).abs() < 0.01), "{trusted:?}");
}

/// Goal: commands that make no sense end the run, and say where and why; what is merely unknown is told
/// from them.
#[test]
fn faults() {
    let define = "CHART a.b\nDIMENSION c\n";
    for (text, says) in [
        ("BEGIN x.y\n", "no such chart"),
        ("BEGIN a.b\nSET d = 1\n", "no such dimension"),
        ("SET c = 1\n", "SET without BEGIN"),
        ("END\n", "END without BEGIN"),
        ("BEGIN a.b\nEND\nEND\n", "END without BEGIN"),
        ("CHART nodot\n", "expected type.id"),
        ("CHART .b\n", "expected type.id"),
        ("CLABEL a b\n", "CLABEL without"),
        ("HOST 11111111-2222-3333-4444-555555555556\n", "no such host"),
        ("HOST_LABEL a b\n", "HOST_LABEL without HOST_DEFINE"),
        ("HOST_DEFINE_END\n", "HOST_DEFINE_END without HOST_DEFINE"),
        ("HOST_DEFINE 01010101-0101-0101-0101-010101010101 me\nHOST_DEFINE_END\n", "this node itself"),
    ] {
        let mut world = World::new();
        let fault = world.says(&format!("{define}{text}")).unwrap_err();
        assert!(matches!(fault, Fault::Malformed { .. }), "{text}: {fault:?}");
        assert!(fault.to_string().contains(says), "{text}: {fault}");
    }
    for text in ["DIMENSION c\n", "CLABEL_COMMIT\n", "VARIABLE CHART a 1\n"] {
        let fault = World::new().says(text).unwrap_err();
        assert!(matches!(fault, Fault::Malformed { .. }), "{text}: {fault:?}");
    }
    let fault = World::new().says("\n\nTraceback (most recent call last):\n").unwrap_err();
    assert_eq!(fault.to_string(), "line 3, \"Traceback (most recent call last):\": no command that is known");
    assert!(matches!(World::new().says("DISABLE\n"), Err(Fault::Disabled)));
    assert!(matches!(World::new().says("EXIT\n"), Err(Fault::Exit)));
    let long = "x".repeat(20_000);
    for text in [long.clone(), format!("{long}\n")] {
        let fault = World::new().session.receive(text.as_bytes(), World::new().now()).unwrap_err();
        assert!(matches!(fault, Fault::TooLong { line: 1, .. }), "{fault:?}");
    }
}

/// Goal: ids that are not UTF-8 are told apart and found again, and end no run.
#[test]
fn ids_that_are_not_utf8() {
    let mut world = World::new();
    let now = world.now();
    let text = b"CHART a.b\nDIMENSION \xe9t\xe9 '' absolute\nBEGIN a.b\nSET \xe9t\xe9 = 5\nEND\n";
    assert_eq!(world.session.receive(text, now).unwrap(), text.len());
    assert_eq!(world.session.rows(), 1);
}

/// Goal: a chart that rested for so long that the host let go of it is there again with its next row, with
/// all that was said of it.
#[test]
fn a_chart_that_was_let_go_comes_back() {
    let mut world = World::new();
    world.said(APPS);
    world.said("CLABEL a b 1\nCLABEL_COMMIT\nCHART a.b\nDIMENSION c\n");
    let row = "BEGIN apps.cpu\nSET system = 100\nEND\n";
    let mut life = Life::new(Patience { charts_us: 60_000_000, hosts_us: 60_000_000 });
    world.said(row);
    for _ in 0..600 {
        world.pass(1_000_000);
        world.said("BEGIN a.b\nSET c = 1\nEND\n");
        let mut now = world.now();
        while now.mono_us >= life.due_us() {
            life.step(&world.store, now);
            now.mono_us += 1;
        }
    }
    assert!(world.host().read(|view| view.find_chart("apps.cpu").is_none()), "the chart is let go");
    let count = world.host().read(|view| view.chart_count());
    // Its slot is another's now.
    world.said("CHART new.one\nDIMENSION x\n");
    assert_eq!(world.host().read(|view| view.chart_count()), count + 1);
    for _ in 0..3 {
        world.said(row);
        world.pass(1_000_000);
    }
    world.host().read(|view| {
        let chart = view.find_chart("apps.cpu").unwrap();
        assert_eq!(chart.definition().priority, 20_001);
        assert_eq!(chart.dimension_count(), 2);
        assert_eq!(chart.labels().map(|label| label.name.to_owned()).collect::<Vec<_>>(), ["a"]);
    });
    assert_eq!(world.rows(world.host(), "apps.cpu").last().map(|(_, row)| row[0]), Some(Some(1.0)));
    assert!(world.rows(world.host(), "new.one").is_empty(), "no row went to the chart in its old slot");
}

/// Goal: a chart of another part of the node is left alone, and the plugin's others go on.
#[test]
fn foreign_charts_are_left_alone() {
    let mut world = World::new();
    let mut own = world.own.share();
    let chart = ChartDefinition {
        id: "system.cpu",
        title: "ours",
        update_every_s: 1,
        plugin: "proc.plugin",
        ..Default::default()
    };
    own.writer(world.now()).unwrap().define_chart(&chart).unwrap();
    world.said("CHART system.cpu '' theirs\nDIMENSION c\nVARIABLE CHART v = 1\nCLABEL a b 1\nCLABEL_COMMIT\n");
    world.said("BEGIN system.cpu\nSET c = 1\nEND\nCHART a.b\nDIMENSION c\nBEGIN a.b\nSET c = 1\nEND\n");
    world.host().read(|view| {
        let chart = view.find_chart("system.cpu").unwrap();
        assert_eq!((chart.definition().title, chart.dimension_count()), ("ours", 0));
        assert!(view.find_chart("a.b").is_some());
    });
}

/// Goal: what is kept of a plugin has limits; what is beyond them is left out, and the run goes on.
#[test]
fn limits() {
    use crate::charts::{CHARTS_MAX, DIMENSIONS_PER_CHART_MAX};
    let mut world = World::new();
    world.said("CHART first.one\n");
    let dimensions: String = (0..=DIMENSIONS_PER_CHART_MAX).map(|number| format!("DIMENSION d{number}\n")).collect();
    world.said(&dimensions);
    world.said(&format!("BEGIN first.one\nSET d0 = 1\nSET d{DIMENSIONS_PER_CHART_MAX} = 1\nEND\n"));
    let charts: String = (0..=CHARTS_MAX).map(|number| format!("CHART c.n{number}\nDIMENSION x\n")).collect();
    world.said(&charts);
    world.said(&format!("BEGIN c.n{CHARTS_MAX}\nSET x = 1\nEND\n"));
    world.host().read(|view| {
        assert_eq!(view.chart_count(), CHARTS_MAX);
        assert_eq!(view.find_chart("first.one").unwrap().dimension_count(), DIMENSIONS_PER_CHART_MAX);
    });
}

/// Goal: a plugin's variables and labels reach the host, beside those that it has.
#[test]
fn variables_and_labels() {
    let mut world = World::new();
    let mut own = world.own.share();
    let label = row::Label { name: "_is_ephemeral", value: "true", source: row::Label::CONFIGURED };
    own.writer(world.now()).unwrap().set_host_labels(&[label]);
    world
        .said("VARIABLE GLOBAL fds = 1.5 x\nVARIABLE nonsense = x\nVARIABLE early = 2\nCHART a.b\nVARIABLE late = 3\n");
    world.said("LABEL rack = 2 r1\nOVERWRITE labels\n");
    world.host().read(|view| {
        let variables: Vec<_> = view.variables().collect();
        assert_eq!(variables, [("fds", 1.5), ("early", 2.0)]);
        assert_eq!(view.find_chart("a.b").unwrap().variables().collect::<Vec<_>>(), [("late", 3.0)]);
        let labels: Vec<_> = view.labels().map(|label| (label.name.to_owned(), label.value.to_owned())).collect();
        assert_eq!(labels, [("_is_ephemeral", "true"), ("rack", "r1")].map(|(n, v)| (n.to_owned(), v.to_owned())));
    });
}

/// Goal: a host that a plugin defines is one of the store, is told of once, and is fed until the last plugin
/// that defined it ends.
#[test]
fn virtual_hosts() {
    let mut world = World::new();
    let define = format!(
        "HOST_DEFINE {OTHER} box\nHOST_LABEL _os_name Debian\nHOST_LABEL rack 'r 1'\nHOST_DEFINE_END\n\
         CHART a.b\nDIMENSION c\n"
    );
    world.said(&define);
    for value in 1..4 {
        world.pass(1_000_000);
        world.said(&format!("HOST {OTHER}\nBEGIN a.b\nSET c = {value}\nEND\nHOST localhost\n"));
    }
    let host = world.store.host(OTHER.parse().unwrap()).unwrap();
    assert_eq!(world.rows(&host, "a.b").last().map(|(_, row)| row[0]), Some(Some(3.0)));
    assert!(world.host().read(|view| view.find_chart("a.b").is_none()), "nothing of it is the node's own");
    let info = host.info();
    assert_eq!((&*info.hostname, info.hops), ("box", 0));
    assert_eq!(info.system, [("NETDATA_SYSTEM_OS_NAME".to_owned(), "Debian".to_owned())]);
    let labels = host.read(|view| view.labels().map(|label| label.value.to_owned()).collect::<Vec<_>>());
    assert_eq!(labels, ["Debian", "r 1"]);

    let mut second = Session::new(Rc::clone(&world.nodes), "second.plugin", 1);
    let now = world.now();
    second.receive(define.as_bytes(), now).unwrap();
    assert_eq!(*world.begun.lock().unwrap(), ["box"], "told once");
    world.session = Session::new(Rc::clone(&world.nodes), "test.plugin", 1);
    assert!(host.is_fed(), "the second plugin still feeds it");
    world.said(&define);
    world.session = Session::new(Rc::clone(&world.nodes), "test.plugin", 1);
    drop(second);
    assert!(!host.is_fed());
    world.said(&define);
    assert!(host.is_fed(), "it comes back");
    assert_eq!(world.begun.lock().unwrap().len(), 2);
}

/// Goal: the host of a child that streams to this node cannot be taken by a plugin.
#[test]
fn hosts_of_others_are_refused() {
    let mut world = World::new();
    let child = HostInfo { hostname: "child".into(), ..HostInfo::unknown(OTHER.parse().unwrap()) };
    let feed = world.store.claim(&child, KEEP, FeedKind::Stored);
    let fault = world.says(&format!("HOST_DEFINE {OTHER} thief\nHOST_DEFINE_END\n")).unwrap_err();
    assert!(fault.to_string().contains("somebody else feeds it"), "{fault}");
    assert_eq!(feed.host().info().hostname, "child");
}

fn call(world: &World, function: &str, news: &Arc<Mutex<Vec<News>>>) -> OpenCall {
    let call =
        Call { function: function.into(), timeout_s: 10, access: String::new(), source: String::new(), payload: None };
    let news = Arc::clone(news);
    world.host().ask(call, world.now(), Box::new(move |one| news.lock().unwrap().push(one)))
}

/// Goal: a function that a plugin offers can be called with arguments, its answer comes back whole, and what
/// it prints behind the answer are lines again.
#[test]
fn functions() {
    let mut world = World::new();
    world.own.take_calls_with(Arc::new(|| {}));
    world.said("FUNCTION GLOBAL \"processes\" 10 \"what runs\"\nFUNCTION 'other one' 10 x\n");
    let names = |world: &World| -> Vec<String> {
        world.host().read(|view| view.functions().map(|function| function.name.to_owned()).collect())
    };
    assert_eq!(names(&world), ["processes", "other one"]);
    let news = Arc::<Mutex<Vec<News>>>::default();
    let _call = call(&world, "processes sort:cpu", &news);
    let (number, taken) = world.own.take_call().unwrap();
    assert!(world.session.functions.serves(&taken));
    let mut out = Vec::new();
    world.session.functions.call(number, &taken, &mut out);
    let transaction = format!("{number:032x}");
    assert_eq!(String::from_utf8(out).unwrap(), format!("FUNCTION '{transaction}' 10 \"processes sort:cpu\"\n"));
    world.said(&format!(
        "FUNCTION_RESULT_BEGIN {transaction} 200 application/json 5\n{{\"a\":\nBEGIN nothing\n1}}\nFUNCTION_RESULT_END\n\
         CHART a.b\nDIMENSION c\nBEGIN a.b\nSET c = 1\nEND\n"
    ));
    let said = world.session.functions.take_news();
    let [crate::functions::News::Answer(answered, reply)] = &said[..] else { panic!("{said:?}") };
    assert_eq!((*answered, reply.code, &*reply.body), (number, 200, &b"{\"a\":\nBEGIN nothing\n1}"[..]));
    assert_eq!(world.session.rows(), 1);
    // An answer that nobody asked for is read over.
    world.said("FUNCTION_RESULT_BEGIN x 200 text/plain 0\nanything\nFUNCTION_RESULT_END\n");
    assert!(world.session.functions.take_news().is_empty());

    let _second = call(&world, "other one", &news);
    let (number, taken) = world.own.take_call().unwrap();
    world.session.functions.call(number, &taken, &mut Vec::new());
    let now = world.now();
    assert_eq!(world.session.finish(now), [number], "what is open when the plugin ends");
    assert!(names(&world).is_empty(), "its functions end with it");
}

/// Goal: writers of one host that share its feed go on when one of them ends, and only then not any more
/// when all have.
#[test]
fn the_feed_is_shared() {
    let world = World::new();
    let host = Arc::clone(world.own.host());
    let World { own, nodes, session, .. } = world;
    drop(own);
    assert!(host.is_fed());
    drop(session);
    assert!(host.is_fed());
    drop(nodes);
    assert!(!host.is_fed());
}
