//! Which mounts have charts.

use patterns::SimplePattern;

use crate::mountinfo::{MountLine, has_option};

/// Kinds of file systems that hold nothing, or that asking would mount.
const EMPTY_TYPES: [&str; 11] =
    ["autofs", "debugfs", "devfs", "devpts", "fusectl", "ignore", "mqueue", "none", "proc", "rpc_pipefs", "sysfs"];
/// What a service manager mounts once more, read-only, to shield a service.
const SHIELDED: [&str; 10] = ["/home", "/root", "/usr", "/boot", "/efi", "/etc", "/run/user", "/lib", "/lib64", "/bin"];
/// Kinds that do not count inodes, or those of others.
const TYPES_WITHOUT_INODES: &str = "msdosfs msdos vfat overlayfs aufs* *unionfs";
/// Kinds whose server is another machine, or a program.
const REMOTE_TYPES: &str =
    "nfs nfs4 cifs smb* 9p afs ceph coda fuse fuse.* gfs* glusterfs lustre ncpfs ocfs2 orangefs beegfs virtiofs";

/// Kinds whose numbers are in the kernel's memory: who asks them waits for no device.
const PROMPT_TYPES: [&[u8]; 7] = [b"ext2", b"ext3", b"ext4", b"ramfs", b"rootfs", b"tmpfs", b"xfs"];

/// Whether a kind of file system answers at once, whatever became of its disk.
pub(crate) fn is_prompt(fs_type: &[u8]) -> bool {
    PROMPT_TYPES.contains(&fs_type)
}

/// Whether the way to `point` leads through what is mounted at `above`.
pub(crate) fn leads_through(point: &[u8], above: &[u8]) -> bool {
    let rest = point.strip_prefix(above.strip_suffix(b"/").unwrap_or(above));
    rest.is_some_and(|rest| rest.len() > 1 && rest[0] == b'/')
}

/// The rules: two lists of settings, and what nobody wants.
#[derive(Debug)]
pub(crate) struct Rules {
    excluded: SimplePattern,
    excluded_types: SimplePattern,
    without_inodes: SimplePattern,
    remote: SimplePattern,
}

impl Rules {
    /// Mounts at points that match `excluded`, or of kinds that match `excluded_types`, have no charts.
    pub(crate) fn new(excluded: &str, excluded_types: &str) -> Self {
        Self {
            excluded: SimplePattern::new(excluded),
            excluded_types: SimplePattern::new(excluded_types),
            without_inodes: SimplePattern::new(TYPES_WITHOUT_INODES),
            remote: SimplePattern::new(REMOTE_TYPES),
        }
    }

    /// Whether a mount has charts; `point` is where it is, as a text.
    pub(crate) fn want(&self, mount: &MountLine<'_>, point: &str) -> bool {
        let fs_type = String::from_utf8_lossy(mount.fs_type);
        let read_only = has_option(mount.super_options, "ro");
        let is_shield = has_option(mount.options, "ro")
            && mount.root == mount.point
            && (SHIELDED.contains(&point) || point == "/sbin");
        !EMPTY_TYPES.contains(&&*fs_type)
            && !read_only
            && !is_shield
            && !self.excluded.matches(point)
            && !self.excluded_types.matches(&fs_type)
    }

    /// Whether a kind of file system counts inodes of its own.
    pub(crate) fn has_inodes(&self, fs_type: &str) -> bool {
        !self.without_inodes.matches(fs_type)
    }

    /// What a mount hangs together with: all mounts of one server do. `None` for a disk of this machine.
    pub(crate) fn server_of(&self, fs_type: &str, source: &str) -> Option<String> {
        if !self.remote.matches(fs_type) {
            return None;
        }
        let server = match source.strip_prefix("//") {
            Some(share) => share.split('/').next().unwrap_or_default(),
            None => source.split_once(":/").map_or(source, |(server, _)| server),
        };
        Some(server.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{MOUNT_TYPES_EXCLUDED, MOUNTS_EXCLUDED};

    fn rules() -> Rules {
        Rules::new(MOUNTS_EXCLUDED, MOUNT_TYPES_EXCLUDED)
    }

    /// Disks and servers have charts; what holds nothing, is shielded or excluded has none.
    #[test]
    fn wanted_and_unwanted() {
        for (text, expected) in [
            ("/ / rw - ext4 /dev/vda rw", true),
            ("/ /mnt/nfs rw - nfs4 server:/export rw", true),
            ("/ /snapshot ro - ext4 /dev/vdb rw", true),
            ("/ /iso ro - iso9660 /dev/sr0 ro", false),
            ("/usr /usr ro - ext4 /dev/vda rw", false),
            ("/usr /usr rw - ext4 /dev/vda rw", true),
            ("/ /run rw - tmpfs tmpfs rw", true),
            ("/ /dev/shm rw - tmpfs tmpfs rw", false),
            ("/ /run/user/1000 rw - tmpfs tmpfs rw", false),
            ("/ /var/lib/docker/overlay2/x/merged rw - overlay overlay rw", false),
            ("/ /misc rw - autofs /etc/auto.misc rw", false),
            ("/ /sys rw - sysfs sysfs rw", false),
            ("/ /unified rw - cgroup2 cgroup2 rw", false),
            ("/ /mnt/x rw - fuse.sshfs me@there:/ rw", false),
        ] {
            let line = format!("1 2 3:4 {text}");
            let mount = MountLine::parse(line.as_bytes()).unwrap();
            assert_eq!(rules().want(&mount, std::str::from_utf8(mount.point).unwrap()), expected, "{text}");
        }
    }

    /// The way to a mount leads through those above it, not through those beside it.
    #[test]
    fn ways() {
        for (point, above, expected) in [
            ("/data", "/", true),
            ("/a/b", "/a", true),
            ("/a/b/c", "/a", true),
            ("/ab", "/a", false),
            ("/a", "/a", false),
            ("/", "/", false),
            ("/a", "/a/b", false),
        ] {
            assert_eq!(leads_through(point.as_bytes(), above.as_bytes()), expected, "{point} {above}");
        }
        assert!(is_prompt(b"ext4") && !is_prompt(b"nfs4") && !is_prompt(b"vfat"));
    }

    /// Mounts of one server are known by it.
    #[test]
    fn servers() {
        for (fs_type, source, expected) in [
            ("ext4", "/dev/vda", None),
            ("nfs4", "server:/export/a", Some("server")),
            ("nfs", "[fe80::1]:/export/b", Some("[fe80::1]")),
            ("cifs", "//server/share", Some("server")),
            ("fuse.glusterfs", "volume", Some("volume")),
        ] {
            assert_eq!(rules().server_of(fs_type, source).as_deref(), expected, "{source}");
        }
        assert!(rules().has_inodes("ext4") && !rules().has_inodes("vfat"));
    }
}
