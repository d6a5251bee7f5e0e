//! Builds the dashboard where Node is: `npm ci`, then `npm run build` (type check and bundle).
//!
//! Both happen in `target/dashboard`, once for all profiles, and only when the dashboard's files changed.
//! The program contains the result packed, as nearly all browsers take it.
//! A mistake in the dashboard fails the build. Where Node or its packages cannot be had, the program
//! contains a page instead that says so, and the next build tries again.
//!
//! The description of the API is packed, too.

use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Everything that the dashboard is made of.
const SOURCES: [&str; 7] =
    ["src", "tests", "index.html", "logo.svg", "package.json", "package-lock.json", "tsconfig.json"];
/// What the program contains, with types; the scripts and styles are made by `npm run build`.
const FILES: [(&str, &str); 4] = [
    ("index.html", "text/html; charset=utf-8"),
    ("dashboard.css", "text/css; charset=utf-8"),
    ("dashboard.js", "text/javascript; charset=utf-8"),
    ("logo.svg", "image/svg+xml"),
];
const WITHOUT_NODE: &str = "without-node.html";
/// What the API is.
const DESCRIPTION: &str = "api/openapi.json";
/// The first version of Node that runs our tools.
const NODE_MIN: u32 = 18;

fn main() -> Outcome<()> {
    let sources = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("dashboard");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for name in SOURCES.iter().chain(&[WITHOUT_NODE]) {
        println!("cargo:rerun-if-changed={}", sources.join(name).display());
    }
    pack_description(&out)?;
    let workshop = workshop(&out);
    fs::create_dir_all(&workshop)?;
    // Builds of several profiles, and the editor's, may come here at once.
    let lock = File::create(workshop.join("lock"))?;
    lock.lock()?;
    let contents = match build(&sources, &workshop)? {
        Built::Dashboard => FILES.map(|(name, _)| workshop.join("built").join(name)),
        Built::Nothing(why) => {
            println!("cargo:warning=the dashboard is left out: {why}");
            // What never is there has always changed.
            println!("cargo:rerun-if-changed={}", workshop.join("never").display());
            FILES.map(|(name, _)| stand_in(&sources, name))
        }
    };
    let mut table = String::from("[\n");
    for ((name, content_type), content) in FILES.iter().zip(contents) {
        let content = if content.exists() { fs::read(content)? } else { Vec::new() };
        fs::write(out.join(format!("{name}.gz")), packed(&content)?)?;
        table += &row(name, content_type, &content);
    }
    fs::write(out.join("files.rs"), table + "]")?;
    println!("cargo:rustc-env=DASHBOARD_WORKSHOP={}", workshop.display());
    Ok(())
}

/// Puts the description, packed, to what the program is made of; the blanks of people are left out.
fn pack_description(out: &Path) -> Outcome<()> {
    println!("cargo:rerun-if-changed={DESCRIPTION}");
    let lines = fs::read_to_string(DESCRIPTION)?;
    let text: String = lines.lines().map(str::trim_start).collect();
    Ok(fs::write(out.join("openapi.json.gz"), packed(text.as_bytes())?)?)
}

enum Built {
    Dashboard,
    /// Why there is none.
    Nothing(String),
}

/// `target/dashboard`, from a folder somewhere in `target`.
fn workshop(out: &Path) -> PathBuf {
    let is_target = |folder: &&Path| folder.join("CACHEDIR.TAG").exists() || folder.join(".rustc_info.json").exists();
    out.ancestors().skip(1).find(is_target).unwrap_or(out).join("dashboard")
}

/// Brings `workshop/built` up to date.
fn build(sources: &Path, workshop: &Path) -> Outcome<Built> {
    let [all, packages] =
        [&SOURCES[..], &["package.json", "package-lock.json"]].map(|names| fingerprint(sources, names));
    let (all, packages) = (all?, packages?);
    let [built, installed] = ["built.stamp", "installed.stamp"].map(|name| workshop.join(name));
    if holds(&built, &all) {
        return Ok(Built::Dashboard);
    }
    match node_version() {
        Some(version) if version >= NODE_MIN => {}
        Some(version) => return Ok(Built::Nothing(format!("Node {version} is here, {NODE_MIN} is needed"))),
        None => return Ok(Built::Nothing(format!("there is no Node with npm here ({NODE_MIN} or newer)"))),
    }
    if built.exists() {
        fs::remove_file(&built)?;
    }
    take_over(sources, workshop)?;
    if !holds(&installed, &packages) || !workshop.join("node_modules").exists() {
        if let Err(why) = npm(workshop, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"]) {
            return Ok(Built::Nothing(format!("its packages are not to be had: {why}")));
        }
        fs::write(&installed, packages)?;
    }
    npm(workshop, &["run", "--silent", "build"]).map_err(|why| format!("the dashboard does not build:\n{why}"))?;
    for name in ["index.html", "logo.svg"] {
        fs::copy(sources.join(name), workshop.join("built").join(name))?;
    }
    fs::write(&built, all)?;
    Ok(Built::Dashboard)
}

/// What the program contains in place of a file of the dashboard.
fn stand_in(sources: &Path, name: &str) -> PathBuf {
    sources.join(match name {
        "index.html" => WITHOUT_NODE,
        other => other,
    })
}

fn packed(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

/// A row of the table that `files.rs` includes: name, type, tag, length and what is packed.
fn row(name: &str, content_type: &str, content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(content);
    let (tag, length) = (hasher.finish(), content.len());
    let file = format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.gz\"))");
    format!("File::new({name:?}, {content_type:?}, \"W/\\\"{tag:016x}\\\"\", {length}, {file}),\n")
}

fn holds(stamp: &Path, fingerprint: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|text| text == fingerprint)
}

/// A number that changes with names and contents.
fn fingerprint(sources: &Path, names: &[&str]) -> Outcome<String> {
    let mut hasher = DefaultHasher::new();
    for name in names {
        for file in files(&sources.join(name))? {
            file.strip_prefix(sources)?.hash(&mut hasher);
            fs::read(&file)?.hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// A file, or all that are somewhere in a folder, in a fixed order.
fn files(path: &Path) -> Outcome<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Outcome<Vec<_>>>()?;
    entries.sort();
    Ok(entries.iter().map(|entry| files(entry)).collect::<Outcome<Vec<_>>>()?.concat())
}

/// Copies the sources to where the packages are.
fn take_over(sources: &Path, workshop: &Path) -> Outcome<()> {
    for name in SOURCES {
        let place = workshop.join(name);
        if place.is_dir() {
            fs::remove_dir_all(&place)?;
        }
        for file in files(&sources.join(name))? {
            let copy = workshop.join(file.strip_prefix(sources)?);
            fs::create_dir_all(copy.parent().unwrap_or(workshop))?;
            fs::copy(&file, copy)?;
        }
    }
    Ok(())
}

fn node_version() -> Option<u32> {
    let ask = |program: &str| Command::new(program).arg("--version").stderr(Stdio::null()).output().ok();
    ask("npm").filter(|output| output.status.success())?;
    let version = String::from_utf8(ask("node")?.stdout).ok()?;
    version.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}

/// Runs npm; fails with what it said.
fn npm(workshop: &Path, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("npm").args(arguments).current_dir(workshop).stdin(Stdio::null()).output();
    let output = output.map_err(|error| error.to_string())?;
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    if output.status.success() { Ok(()) } else { Err(said) }
}
