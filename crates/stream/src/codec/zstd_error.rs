//! What the C library says of its errors.

use zstd::zstd_safe::{ErrorCode, get_error_name};

pub(super) fn reason(code: ErrorCode) -> &'static str {
    get_error_name(code)
}
