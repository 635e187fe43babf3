//! What to do about a download, decided from what is there and what the server says; pure.

use thiserror::Error;

/// Why a model could not be fetched.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DownloadError {
    /// The server can't be reached or broke off, more than once.
    #[error("{url}: {message}")]
    Network {
        /// What was asked for.
        url: String,
        /// What the browser said.
        message: String,
    },
    /// The server has no such file, or refuses it.
    #[error("{url}: the server answered {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server's file is another one.
    #[error("{url}: the server's file has {found} bytes, models.json says {expected}")]
    Size {
        /// What was asked for.
        url: String,
        /// Bytes the catalog says.
        expected: u64,
        /// Bytes the server says.
        found: u64,
    },
    /// The bytes are others, twice.
    #[error(
        "{file}: SHA-256 is {found}, models.json says {expected}; downloaded twice, so the server's file itself differs"
    )]
    Digest {
        /// Which file.
        file: String,
        /// The digest that the catalog says.
        expected: String,
        /// The digest of what came.
        found: String,
    },
    /// The browser's storage failed.
    #[error("the browser's storage failed: {0}")]
    Storage(String),
}

/// What a response means for a download that has `from` bytes already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continue {
    /// The body goes on where the file ends.
    Append,
    /// The body is the file from its beginning.
    FromStart,
    /// What is there is of no use to the server; forget it and ask again.
    Forget,
}

/// Reads a response's status and `Content-Range` (`bytes 5-9/10`).
///
/// # Errors
/// [`DownloadError::Status`] and [`DownloadError::Size`].
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
                return Ok(Continue::Forget);
            };
            whole.map_or(Ok(()), size)?;
            Ok(if start == from {
                Continue::Append
            } else {
                Continue::Forget
            })
        }
        416 if from > 0 => Ok(Continue::Forget),
        status => Err(DownloadError::Status {
            url: url.into(),
            status,
        }),
    }
}

/// The first byte and, where the server says it, the whole length.
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
    fn a_partial_file_is_continued_where_the_server_does_so() {
        assert_eq!(ask(206, Some("bytes 5-9/10"), 5), Ok(Continue::Append));
        assert_eq!(ask(206, Some("bytes 5-9/*"), 5), Ok(Continue::Append));
    }

    #[test]
    fn a_server_without_ranges_starts_over() {
        assert_eq!(ask(200, None, 5), Ok(Continue::FromStart));
    }

    #[test]
    fn an_answer_to_another_question_is_not_appended() {
        assert_eq!(ask(206, Some("bytes 0-9/10"), 5), Ok(Continue::Forget));
        assert_eq!(ask(206, None, 5), Ok(Continue::Forget));
        assert_eq!(ask(206, Some("items 5-9/10"), 5), Ok(Continue::Forget));
        assert_eq!(ask(416, Some("bytes */10"), 5), Ok(Continue::Forget));
    }

    #[test]
    fn another_file_is_refused_before_it_is_downloaded() {
        assert!(matches!(
            ask(206, Some("bytes 5-9/11"), 5),
            Err(DownloadError::Size { found: 11, .. })
        ));
        assert!(matches!(
            judge("u", 200, None, Some(9), 0, 10),
            Err(DownloadError::Size { found: 9, .. })
        ));
        assert!(matches!(
            ask(404, None, 0),
            Err(DownloadError::Status { status: 404, .. })
        ));
        assert!(matches!(
            ask(416, None, 0),
            Err(DownloadError::Status { status: 416, .. })
        ));
    }
}
