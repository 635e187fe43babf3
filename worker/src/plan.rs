//! Decides how to continue a download, from the stored bytes and the server's response; pure.

use thiserror::Error;

/// Reasons why a model could not be fetched.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DownloadError {
    /// The server could not be reached or broke off, more than once.
    #[error("{url}: {message}")]
    Network {
        /// Requested URL.
        url: String,
        /// Message of the browser.
        message: String,
    },
    /// The server does not have the file, or refuses it.
    #[error("{url}: the server answered {status}")]
    Status {
        /// Requested URL.
        url: String,
        /// HTTP status code.
        status: u16,
    },
    /// The server's file has a different size.
    #[error("{url}: the server's file has {found} bytes, models.json says {expected}")]
    Size {
        /// Requested URL.
        url: String,
        /// Size in the catalog, in bytes.
        expected: u64,
        /// Size that the server reports, in bytes.
        found: u64,
    },
    /// The downloaded bytes were wrong twice.
    #[error(
        "{file}: SHA-256 is {found}, models.json says {expected}; downloaded twice, so the server's file itself differs"
    )]
    Digest {
        /// Name of the file.
        file: String,
        /// Digest in the catalog.
        expected: String,
        /// Digest of the downloaded bytes.
        found: String,
    },
    /// The browser's storage failed.
    #[error("the browser's storage failed: {0}")]
    Storage(String),
}

/// How to continue a download that already has `from` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continue {
    /// The body continues where the file ends.
    Append,
    /// The body is the file from its start.
    FromStart,
    /// The server can't continue the stored bytes: delete them and ask again.
    Discard,
}

/// Returns how to continue, from a response's status, `Content-Range` (`bytes 5-9/10`) and `Content-Length`.
///
/// # Errors
/// Returns [`DownloadError::Status`] or [`DownloadError::Size`].
pub fn judge(
    url: &str,
    status: u16,
    content_range: Option<&str>,
    content_length: Option<u64>,
    from: u64,
    total: u64,
) -> Result<Continue, DownloadError> {
    let size = |found: u64| {
        (found == total).then_some(()).ok_or(DownloadError::Size {
            url: url.into(),
            expected: total,
            found,
        })
    };
    match status {
        200 => {
            content_length.map_or(Ok(()), size)?;
            Ok(Continue::FromStart)
        }
        206 => {
            let range = content_range.and_then(parse_range);
            let Some((start, whole)) = range else {
                return Ok(Continue::Discard);
            };
            whole.map_or(Ok(()), size)?;
            Ok(if start == from {
                Continue::Append
            } else {
                Continue::Discard
            })
        }
        416 if from > 0 => Ok(Continue::Discard),
        status => Err(DownloadError::Status {
            url: url.into(),
            status,
        }),
    }
}

/// Returns the first byte and, if the server gives it, the total length.
fn parse_range(header: &str) -> Option<(u64, Option<u64>)> {
    let (range, whole) = header.trim().strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-')?.0.trim().parse().ok()?;
    Some((start, whole.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(status: u16, range: Option<&str>, from: u64) -> Result<Continue, DownloadError> {
        judge("u", status, range, None, from, 10)
    }

    #[test]
    fn download_continues_only_with_the_wanted_bytes() {
        for (status, range, plan) in [
            (206, Some("bytes 5-9/10"), Continue::Append),
            (206, Some("bytes 5-9/*"), Continue::Append),
            (200, None, Continue::FromStart),
            (206, Some("bytes 0-9/10"), Continue::Discard),
            (206, None, Continue::Discard),
            (206, Some("items 5-9/10"), Continue::Discard),
            (416, Some("bytes */10"), Continue::Discard),
        ] {
            assert_eq!(ask(status, range, 5), Ok(plan), "{status} {range:?}");
        }
    }

    #[test]
    fn wrong_size_or_status_is_rejected_before_download() {
        let (url, expected) = ("u".into(), 10);
        let size = |url, found| {
            Err(DownloadError::Size {
                url,
                expected,
                found,
            })
        };
        assert_eq!(ask(206, Some("bytes 5-9/11"), 5), size("u".into(), 11));
        assert_eq!(judge("u", 200, None, Some(9), 0, 10), size(url, 9));
        for status in [404, 416] {
            let url = "u".into();
            assert_eq!(
                ask(status, None, 0),
                Err(DownloadError::Status { url, status })
            );
        }
    }
}
