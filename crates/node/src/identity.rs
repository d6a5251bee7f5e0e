//! The machine GUID: made at the first start, kept for ever.
//!
//! It lies in `registry/public.unique.id` of the state folder. An image for many machines must
//! not contain the file: each machine then makes its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use row::Guid;

/// Where the GUID lies in the state folder.
const FILE: &str = "registry/public.unique.id";
/// The file holds 36 characters and perhaps a newline; anything longer is something else.
const FILE_BYTES_MAX: u64 = 64;

/// What [`machine_guid`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The machine GUID.
    pub guid: Guid,
    /// It was made just now.
    pub is_new: bool,
}

/// Reads the machine GUID, or makes one where the file is missing.
///
/// # Errors
/// Where the file cannot be read or written, or holds anything but a GUID: it is never
/// overwritten.
pub fn machine_guid(state: &Path) -> anyhow::Result<Identity> {
    let path = state.join(FILE);
    match read(&path) {
        Ok(Some(guid)) => Ok(Identity { guid, is_new: false }),
        Ok(None) => make(&path).with_context(|| format!("making the machine GUID in {}", path.display())),
        Err(err) => Err(err).with_context(|| format!("reading the machine GUID from {}", path.display())),
    }
}

/// The machine GUID, if there is one in this folder; else one of zeros.
#[cfg(feature = "parent")]
pub(crate) fn found(state: &Path) -> Guid {
    read(&state.join(FILE)).ok().flatten().unwrap_or(Guid::from_bytes([0; 16]))
}

fn read(path: &Path) -> anyhow::Result<Option<Guid>> {
    let length = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(err.into()),
    };
    if length > FILE_BYTES_MAX {
        bail!("{length} bytes: expected a GUID of 36 characters");
    }
    let text = fs::read(path)?;
    Ok(Some(Guid::parse(text.trim_ascii())?))
}

/// Writes a new GUID so that a crash leaves the whole file or none, and of two nodes that start
/// at once in one folder both take the one that was first.
fn make(path: &Path) -> anyhow::Result<Identity> {
    let folder = path.parent().context("no folder")?;
    fs::create_dir_all(folder)?;
    let guid = Guid::from_bytes(*uuid::Uuid::new_v4().as_bytes());
    let draft = folder.join(format!(".public.unique.id-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&draft)?;
    file.write_all(&guid.to_text())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Ok(()) => {
            File::open(folder)?.sync_all()?;
            Ok(Identity { guid, is_new: true })
        }
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {
            let guid = read(path)?.context("the file came and went")?;
            Ok(Identity { guid, is_new: false })
        }
        Err(err) => Err(err.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_made_once_and_kept() {
        let state = tempfile::tempdir().unwrap();
        let first = machine_guid(state.path()).unwrap();
        assert!(first.is_new);
        let again = machine_guid(state.path()).unwrap();
        assert_eq!(again, Identity { guid: first.guid, is_new: false });
        assert_eq!(fs::read_dir(state.path().join("registry")).unwrap().count(), 1);
        let other = machine_guid(tempfile::tempdir().unwrap().path()).unwrap();
        assert_ne!(other.guid, first.guid);
    }

    #[test]
    fn a_file_that_is_no_guid_is_left_alone() {
        for content in ["", "not a guid", &"x".repeat(100), "11111111-2222-3333-4444-55555555555"] {
            let state = tempfile::tempdir().unwrap();
            let path = state.path().join(FILE);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            let error = format!("{:#}", machine_guid(state.path()).unwrap_err());
            assert!(error.contains("public.unique.id"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn a_trailing_newline_is_accepted() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join(FILE);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "11111111-2222-3333-4444-555555555555\n").unwrap();
        assert_eq!(machine_guid(state.path()).unwrap().guid.to_string(), "11111111-2222-3333-4444-555555555555");
    }
}
