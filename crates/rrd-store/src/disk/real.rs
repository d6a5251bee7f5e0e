//! The real disk: files below one folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Disk, DiskFile};

/// Files below a folder of the system.
#[derive(Debug, Clone)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// The disk below `root`, which is made with the first file.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

impl Disk for RealDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        let folders = match fs::read_dir(&self.root) {
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(names),
            folders => folders?,
        };
        for folder in folders {
            let folder = folder?;
            if !folder.file_type()?.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder.path())? {
                let file = file?;
                if let (Some(folder), Some(file)) = (folder.file_name().to_str(), file.file_name().to_str()) {
                    names.push(format!("{folder}/{file}"));
                }
            }
        }
        names.sort();
        Ok(names)
    }

    fn list_folder(&self, folder: &str) -> io::Result<Vec<String>> {
        let files = match fs::read_dir(self.root.join(folder)) {
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            files => files?,
        };
        let mut names = Vec::new();
        for file in files {
            names.extend(file?.file_name().to_str().map(|file| format!("{folder}/{file}")));
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::open(self.path(name))?))
    }

    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        OpenOptions::new().create(true).append(true).open(path)?.write_all(bytes)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let path = self.path(name);
        File::open(&path)?.sync_all()?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path(name)) {
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(()),
            Err(err) => Err(err),
            Ok(()) => {
                // Refused as long as it holds other files.
                self.path(name).parent().map(fs::remove_dir);
                Ok(())
            }
        }
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match FileExt::read_at(self, &mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
        Ok(done)
    }
}
