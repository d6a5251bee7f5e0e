//! `/sys/devices/system/cpu/cpuN`: how fast cores run, and how often they were slowed down by heat.
//!
//! ```text
//! thermal_throttle/core_throttle_count        a counter
//! cpufreq/stats/time_in_state                 frequency in kHz and time there, a pair per line
//! cpufreq/scaling_cur_freq                    frequency in kHz, where the other is missing
//! ```
//!
//! That is up to two files per core: on a machine with many cores none is read.

use std::io;
use std::path::{Path, PathBuf};

use row::Now;

use crate::charts::{Batch, Form, GrowingChart, Growth, Owner, absolute, incremental, line};
use crate::file::{Buffer, KeptFile, NumberFile, under};
use crate::listing;
use crate::module::{Module, ReadError};
use crate::pace::Cadence;
use crate::running_sum::growth;
use crate::scan::{Words, lines};

/// The folder of the cores.
pub(crate) const PATH: &str = "/sys/devices/system/cpu";
/// What the charts are said to come from.
const MODULE: &str = "/proc/stat";
/// With more cores than these nothing is read.
const CORES_MAX: usize = 50;
/// Seconds between two readings of throttling as long as there was none.
const CALM_EVERY_S: u32 = 10;
/// Frequencies of a core.
const STEPS_MAX: usize = 128;

static THROTTLING: Form =
    line("cpu.core_throttling", "How often cores were slowed down by heat", "events/s", "throttling", 5001, &[]);
static FREQUENCY: Form = line("cpu.cpufreq", "Frequency of cores", "MHz", "cpufreq", 5003, &[]).of("cpufreq.cpufreq");

/// Reads the files of each core.
pub(crate) struct Frequency {
    /// By number.
    cores: Vec<Core>,
    /// The folder of a core that would be added next.
    next: PathBuf,
    look: Cadence,
    calm: Cadence,
    throttling: GrowingChart,
    frequency: GrowingChart,
    owner: Owner,
}

struct Core {
    name: String,
    folder: PathBuf,
    throttle_file: Option<NumberFile>,
    throttled: Option<i64>,
    speed: Option<Speed>,
    khz: Option<i64>,
    /// Whether it told its frequency, and does not any more: it is switched off.
    is_off: bool,
}

/// Where a core's frequency comes from.
enum Speed {
    /// The time at each frequency.
    Times(KeptFile, Times),
    /// What it is now.
    Current(NumberFile),
}

impl Frequency {
    /// Opens the files of all cores under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        let folder = under(root, PATH);
        folder.read_dir()?;
        Ok(Self {
            cores: Vec::new(),
            next: folder.join("cpu0"),
            look: Cadence::new(listing::EVERY_S),
            calm: Cadence::new(CALM_EVERY_S),
            throttling: GrowingChart::of(&THROTTLING, incremental("", 1, 1)).together(),
            frequency: GrowingChart::of(&FREQUENCY, absolute("", 1, 1000)),
            owner: Owner::machine(MODULE, update_every_s),
        })
    }

    /// Looks for cores that were added or switched on again.
    fn look(&mut self) {
        self.cores.iter_mut().filter(|core| core.is_off).for_each(Core::open);
        while self.cores.len() <= CORES_MAX && self.next.exists() {
            self.cores.push(Core::new(self.cores.len(), self.next.clone()));
            self.next.set_file_name(format!("cpu{}", self.cores.len()));
        }
    }
}

impl Module for Frequency {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        let look = self.look.is_due(now);
        if look {
            self.look();
        }
        if self.cores.len() > CORES_MAX {
            self.cores.iter_mut().for_each(Core::close);
            return Ok(());
        }
        let throttling = self.calm.is_due(now) || look || self.throttling.is_defined();
        for core in &mut self.cores {
            if throttling {
                core.throttled = core.throttle_file.as_ref().and_then(|file| file.read(buffer));
            }
            core.read_speed(buffer);
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let growth = |value: fn(&Core) -> Option<i64>| {
            self.cores.iter().map(move |core| Growth { id: &core.name, name: "", value: value(core) })
        };
        batch.growing_row(&mut self.throttling, &self.owner, growth(|core| core.throttled));
        if self.cores.iter().any(|core| core.khz.is_some()) {
            batch.listed_row(&mut self.frequency, &self.owner, growth(|core| core.khz));
        }
    }
}

impl Core {
    fn new(number: usize, folder: PathBuf) -> Self {
        let name = format!("cpu{number}");
        let mut core =
            Self { name, folder, throttle_file: None, throttled: None, speed: None, khz: None, is_off: false };
        core.open();
        core
    }

    fn open(&mut self) {
        let open = |path| NumberFile::open(&self.folder.join(path));
        self.throttle_file = open("thermal_throttle/core_throttle_count").ok();
        let times = KeptFile::open_path(&self.folder.join("cpufreq/stats/time_in_state"));
        self.speed = match times {
            Ok(file) => Some(Speed::Times(file, Times::default())),
            Err(_) => open("cpufreq/scaling_cur_freq").ok().map(Speed::Current),
        };
        self.is_off &= self.speed.is_none();
    }

    fn close(&mut self) {
        (self.throttle_file, self.throttled, self.speed, self.khz) = (None, None, None, None);
    }

    fn read_speed(&mut self, buffer: &mut Buffer) {
        let read = match &mut self.speed {
            None => return,
            Some(Speed::Current(file)) => file.read(buffer),
            Some(Speed::Times(file, times)) => file.read(buffer).ok().map(|text| {
                times.read(text);
                times.khz.or(self.khz).unwrap_or(0)
            }),
        };
        self.khz = read;
        if read.is_none() {
            self.speed = None;
            self.is_off = true;
        }
    }
}

/// The time that a core spent at each frequency.
#[derive(Debug, Default)]
struct Times {
    /// Frequency in kHz and time in hundredths of a second, in the order of the file.
    steps: Vec<(i64, i64)>,
    /// The mean since the reading before; `None` where no time passed.
    khz: Option<i64>,
}

impl Times {
    fn read(&mut self, text: &[u8]) {
        let (mut sum, mut all) = (0_i128, 0_i128);
        let mut seen = 0;
        for line in lines(text).take(STEPS_MAX) {
            let Some([khz, time]) = Words::new(line).numbers() else { continue };
            match self.steps.get_mut(seen) {
                Some(step) if step.0 == khz => {
                    let passed = i128::from(growth(step.1, time).max(0));
                    sum += passed * i128::from(khz);
                    all += passed;
                    step.1 = time;
                }
                // Other frequencies than before: the next reading is the first with them.
                Some(step) => *step = (khz, time),
                None => self.steps.push((khz, time)),
            }
            seen += 1;
        }
        self.steps.truncate(seen);
        self.khz = (all > 0).then(|| (sum / all) as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean frequency of what passed between two readings.
    #[test]
    fn means_of_two_readings() {
        let mut times = Times::default();
        for (text, khz) in [
            ("800000 100\n1600000 50\n", None),
            ("800000 100\n1600000 50\n", None),
            ("800000 130\n1600000 60\n", Some(1_000_000)),
            ("800000 130\n1600000 160\nx\n", Some(1_600_000)),
            ("1600000 161\n", None),
            ("1600000 162\n2400000 7\n", Some(1_600_000)),
            ("", None),
        ] {
            times.read(text.as_bytes());
            assert_eq!(times.khz, khz, "{text}");
        }
        crate::tests::mutate(b"800000 100\n1600000 18446744073709551615\n2400000 7\n", |text| times.read(text));
    }
}
