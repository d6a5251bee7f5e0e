//! Tables of what programs cost.

use std::time::Duration;

use integration_tests::process::Process;

/// What one program cost over a span.
pub(crate) struct Cost {
    name: &'static str,
    cpu: Duration,
    /// Of it in the kernel, as far as the kernel tells the two apart.
    kernel: f64,
    threads: u64,
    resident_bytes: u64,
    samples: u64,
}

/// A program that is being measured.
pub(crate) struct Measured<'a> {
    name: &'static str,
    process: &'a Process,
    before: Duration,
    times_before: [Duration; 2],
}

impl<'a> Measured<'a> {
    /// Begins here.
    pub(crate) fn begin(name: &'static str, process: &'a Process) -> Self {
        Self { name, process, before: process.cpu_time_of_threads(), times_before: process.cpu_times() }
    }

    /// Ends here; it had so many samples to deal with.
    pub(crate) fn end(&self, samples: u64) -> Cost {
        let times = self.process.cpu_times();
        let [user, system] = [0, 1].map(|at| times[at].saturating_sub(self.times_before[at]).as_secs_f64());
        Cost {
            name: self.name,
            cpu: self.process.cpu_time_of_threads().saturating_sub(self.before),
            kernel: system / (user + system).max(f64::MIN_POSITIVE),
            threads: self.process.threads(),
            resident_bytes: self.process.resident_bytes(),
            samples,
        }
    }
}

/// How many seconds a row measures.
pub(crate) fn span_s() -> u32 {
    span_or(20)
}

/// The same for a row that measures so long by itself.
pub(crate) fn span_or(default_s: u32) -> u32 {
    std::env::var("BENCH_SPAN_S").ok().and_then(|text| text.parse().ok()).unwrap_or(default_s)
}

/// What else this machine is doing.
pub(crate) fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

impl Cost {
    /// The processor time, in seconds.
    pub(crate) fn cpu_s(&self) -> f64 {
        self.cpu.as_secs_f64()
    }

    /// Resident memory.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.resident_bytes
    }
}

/// Prints the costs side by side, ours first, and how ours compare to each other one.
pub(crate) fn table(title: &str, all: &[Cost]) {
    costs(title, all);
    print!("{:24}{:>14}", "ours as a part of it", "");
    all[1..].iter().for_each(|other| print!("{:>14.3}", per_sample_us(&all[0]) / per_sample_us(other)));
    println!();
}

/// Prints costs side by side, without a comparison.
pub(crate) fn costs(title: &str, costs: &[Cost]) {
    println!("{title}");
    print!("{:24}", "");
    costs.iter().for_each(|cost| print!("{:>14}", cost.name));
    println!();
    line("CPU, ms", costs, |cost| cost.cpu.as_secs_f64() * 1e3);
    line("in the kernel, ms", costs, |cost| cost.cpu.as_secs_f64() * 1e3 * cost.kernel);
    line("threads", costs, |cost| cost.threads as f64);
    line("samples", costs, |cost| cost.samples as f64);
    line("CPU per sample, µs", costs, per_sample_us);
    line("resident, MB", costs, |cost| cost.resident_bytes as f64 / 1e6);
}

fn per_sample_us(cost: &Cost) -> f64 {
    cost.cpu.as_secs_f64() * 1e6 / cost.samples as f64
}

fn line(name: &str, costs: &[Cost], value: impl Fn(&Cost) -> f64) {
    print!("{name:24}");
    costs.iter().for_each(|cost| print!("{:>14.3}", value(cost)));
    println!();
}
