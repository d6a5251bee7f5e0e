//! Settings that are one word of a few.

/// Declares an enum whose variants are the words of a setting.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$word_doc])* $variant,)*
        }

        impl $name {
            /// The words, as settings spell them.
            pub const WORDS: &[&str] = &[$($word),*];

            /// The word of this choice.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The choice that a word names.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

choice! {
    /// How a host's rows are kept.
    MemoryMode {
        /// Not at all, but for the spool.
        None = "none",
        /// In memory.
        Ram = "ram",
        /// In memory, written to disk at the end.
        Save = "save",
        /// On disk as they come.
        Map = "map",
    }
}

choice! {
    /// Whether the node listens.
    WebMode {
        /// No listener at all.
        None = "none",
        /// Listens on `web.bind_to`.
        StaticThreaded = "static-threaded",
    }
}

choice! {
    /// Which connections the port takes.
    TlsMode {
        /// The first byte decides; plain stays allowed.
        Optional = "optional",
        /// TLS only.
        Required = "required",
    }
}

choice! {
    /// What becomes of a second machine under one GUID.
    DuplicateGuid {
        /// It is given an identity derived from its own.
        Derive = "derive",
        /// It is refused.
        Refuse = "refuse",
    }
}
