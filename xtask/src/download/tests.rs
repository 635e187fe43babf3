#![expect(
    clippy::unwrap_used,
    reason = "a test that can't read or write its scratch files has failed"
)]

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::*;

/// Behaviour of the server on one connection.
#[derive(Clone, Copy)]
enum Answer {
    /// Honours the `Range` header.
    Ranged,
    /// Ignores the `Range` header and sends the whole file.
    Whole,
    /// Announces the rest of the file from the range's start, but hangs up after this many bytes.
    Cut(usize),
    /// Sends an empty response with this status.
    Status(u16),
}

/// A local server with one answer per connection; the last answer repeats.
struct Server {
    url: String,
    /// The `Range` header of each request.
    ranges: Arc<Mutex<Vec<Option<String>>>>,
}

impl Server {
    fn start(content: Vec<u8>, answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let (seen, answers) = (Arc::clone(&ranges), answers.to_vec());
        thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let stream = stream.unwrap();
                let range = read_range(&stream);
                seen.lock().unwrap().push(range.clone());
                answer(
                    stream,
                    &content,
                    range.as_deref(),
                    answers[index.min(answers.len() - 1)],
                );
            }
        });
        Self { url, ranges }
    }

    fn ranges(&self) -> Vec<Option<String>> {
        self.ranges.lock().unwrap().clone()
    }
}

fn read_range(stream: &TcpStream) -> Option<String> {
    let lines = BufReader::new(stream)
        .lines()
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty());
    lines.fold(None, |found, line| {
        match line.to_ascii_lowercase().strip_prefix("range: ") {
            Some(range) => Some(range.to_owned()),
            None => found,
        }
    })
}

fn answer(mut stream: TcpStream, content: &[u8], range: Option<&str>, answer: Answer) {
    let asked: Option<usize> =
        range.and_then(|text| text.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let (start, limit) = match answer {
        Answer::Ranged => (asked.unwrap_or(0), content.len()),
        Answer::Whole => (0, content.len()),
        Answer::Cut(limit) => (asked.unwrap_or(0), limit),
        Answer::Status(status) => {
            write!(
                stream,
                "HTTP/1.1 {status} -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            .unwrap();
            return;
        }
    };
    if start >= content.len() {
        write!(
            stream,
            "HTTP/1.1 416 -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        return;
    }
    let rest = &content[start..];
    let status = if start > 0 {
        format!(
            "206 -\r\nContent-Range: bytes {start}-{}/{}",
            content.len() - 1,
            content.len()
        )
    } else {
        "200 -".to_owned()
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        rest.len()
    )
    .unwrap();
    stream.write_all(&rest[..limit.min(rest.len())]).unwrap();
}

/// Returns enough bytes for several reads, with no two blocks alike.
fn content() -> Vec<u8> {
    (0_u32..100_000).flat_map(u32::to_le_bytes).collect()
}

struct Case {
    folder: TempDir,
    sha256: String,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let original = folder.path().join("original");
        fs::write(&original, content()).unwrap();
        Self {
            sha256: digest::sha256(&original).unwrap(),
            folder,
        }
    }

    fn to(&self) -> PathBuf {
        self.folder.path().join("file")
    }

    fn fetch(&self, url: &str) -> Result<()> {
        let download = Download {
            url,
            sha256: &self.sha256,
            to: &self.to(),
        };
        fetch_with(&download, &ProgressBar::hidden(), Duration::ZERO)
    }

    fn assert_complete(&self) {
        assert_eq!(fs::read(self.to()).unwrap(), content());
        assert!(!part_of(&self.to()).exists());
    }
}

#[test]
fn part_is_resumed_or_discarded_until_the_file_is_complete() {
    use Answer::{Cut, Ranged, Status, Whole};
    type Row<'a> = (&'a str, Option<Vec<u8>>, &'a [Answer], &'a [&'a str]);
    let begun = || Some(content()[..1000].to_vec());
    let too_long = vec![7; content().len() + 1];
    let past_end = format!("bytes={}-", content().len());
    let past_more = format!("bytes={}-", content().len() + 1);
    let cases: [Row<'_>; 8] = [
        ("new", None, &[Ranged], &[""]),
        ("begun", begun(), &[Ranged], &["bytes=1000-"]),
        ("server ignores ranges", begun(), &[Whole], &["bytes=1000-"]),
        (
            "cut connections",
            None,
            &[Cut(150_000), Cut(50_000), Ranged],
            &["", "bytes=150000-", "bytes=200000-"],
        ),
        (
            "damaged",
            Some(vec![7; 1000]),
            &[Ranged],
            &["bytes=1000-", ""],
        ),
        (
            "longer than the file",
            Some(too_long),
            &[Ranged],
            &[&past_more, ""],
        ),
        ("complete", Some(content()), &[Ranged], &[&past_end]),
        (
            "busy server",
            None,
            &[Status(503), Status(503), Ranged],
            &["", "", ""],
        ),
    ];
    for (name, part, answers, ranges) in cases {
        let (case, server) = (Case::new(), Server::start(content(), answers));
        if let Some(part) = part {
            fs::write(part_of(&case.to()), part).unwrap();
        }
        case.fetch(&server.url).unwrap();
        case.assert_complete();
        let asked = server.ranges().into_iter().map(Option::unwrap_or_default);
        assert_eq!(asked.collect::<Vec<_>>(), ranges, "{name}");
    }
}

#[test]
fn file_with_wrong_digest_is_rejected_and_removed() {
    let mut other = content();
    other[5] ^= 1;
    let (case, server) = (Case::new(), Server::start(other, &[Answer::Ranged]));
    let error = case.fetch(&server.url).unwrap_err();
    assert!(
        format!("{error:#}").contains("does not have the SHA-256"),
        "{error:#}"
    );
    assert!(!case.to().exists() && !part_of(&case.to()).exists());
}

#[test]
fn missing_file_is_not_requested_again() {
    let (case, server) = (
        Case::new(),
        Server::start(content(), &[Answer::Status(404)]),
    );
    let error = case.fetch(&server.url).unwrap_err();
    assert!(format!("{error:#}").contains("404"), "{error:#}");
    assert_eq!(server.ranges().len(), 1);
}

#[test]
fn download_fails_when_server_sends_no_bytes() {
    let (case, server) = (Case::new(), Server::start(content(), &[Answer::Cut(0)]));
    case.fetch(&server.url).unwrap_err();
    assert_eq!(server.ranges().len(), BARREN_ATTEMPTS as usize);
}

#[test]
fn file_url_is_copied() {
    let case = Case::new();
    case.fetch(&format!(
        "file://{}",
        case.folder.path().join("original").display()
    ))
    .unwrap();
    case.assert_complete();
}
