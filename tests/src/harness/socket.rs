use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Reply, Serving};

/// What is waited for at all is waited for this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection over mutual TLS on which a test sends whatever bytes it likes, at its own pace.
pub struct Socket {
    stream: TlsStream<TcpStream>,
    /// Bytes that have come and belong to no answer yet.
    come: Vec<u8>,
}

/// Frames of HTTP/2 (RFC 9113 §6), as far as tests send or look at them.
pub mod h2 {
    /// What a client begins with (RFC 9113 §3.4).
    pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const END_STREAM: u8 = 1;
    pub const END_HEADERS: u8 = 4;

    /// One frame.
    pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    /// The head of a request, each field a literal that is not indexed (RFC 7541 §6.2.2).
    pub fn head(method: &str, path: &str, token: Option<&str>) -> Vec<u8> {
        let mut block = Vec::new();
        let authorization = token.map(|token| format!("Bearer {token}"));
        let fields = [
            (":method", Some(method)),
            (":scheme", Some("https")),
            (":authority", Some("v")),
            (":path", Some(path)),
            ("content-type", Some("application/json")),
            ("authorization", authorization.as_deref()),
        ];
        for (name, value) in fields {
            let Some(value) = value else { continue };
            block.push(0);
            text(&mut block, name);
            text(&mut block, value);
        }
        block
    }

    /// A string without Huffman coding (RFC 7541 §5.2).
    fn text(block: &mut Vec<u8>, text: &str) {
        let mut length = text.len();
        if length < 127 {
            block.push(length as u8);
        } else {
            block.push(127);
            length -= 127;
            while length >= 128 {
                block.push((length % 128) as u8 | 128);
                length /= 128;
            }
            block.push(length as u8);
        }
        block.extend_from_slice(text.as_bytes());
    }
}

impl Socket {
    /// Connects with the certificate of an application, for one protocol (ALPN).
    pub async fn of(vault: &impl Serving, application: &str, protocol: &[u8]) -> io::Result<Socket> {
        Socket::open(vault.address(), vault.tls(application, protocol)).await
    }

    /// Connects.
    pub async fn open(address: SocketAddr, tls: ClientConfig) -> io::Result<Socket> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let stream = TlsConnector::from(Arc::new(tls)).connect(address.ip().into(), socket).await?;
        Ok(Socket { stream, come: Vec::new() })
    }

    /// Sends bytes. `false`: nobody takes them any more.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// Sends the head of an HTTP/1.1 request.
    pub async fn ask(&mut self, method: &str, path: &str, token: Option<&str>, length: usize) -> bool {
        let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: v\r\ncontent-type: application/json\r\n");
        self.send(format!("{head}{bearer}content-length: {length}\r\n\r\n").as_bytes()).await
    }

    /// The next HTTP/1.1 answer, or `None` where the connection ends without one.
    pub async fn answer(&mut self) -> Option<Reply> {
        let end = loop {
            match self.come.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => self.more().await?,
            }
        };
        let head = String::from_utf8(self.come.drain(..end).collect()).unwrap();
        let mut headers = reqwest::header::HeaderMap::new();
        for line in head.lines().skip(1) {
            if let Some((name, value)) = line.split_once(": ") {
                let name = reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
                headers.insert(name, value.parse().unwrap());
            }
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
        while self.come.len() < length {
            self.more().await?;
        }
        Some(Reply { status, headers, body: self.come.drain(..length).collect() })
    }

    /// Begins HTTP/2: the client's preface and these settings (identifier and value, RFC 9113 §6.5).
    pub async fn begin_h2(&mut self, settings: &[(u16, u32)]) {
        let settings = settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
        let settings: Vec<u8> = settings.collect();
        assert!(self.send(h2::PREFACE).await && self.send(&h2::frame(h2::SETTINGS, 0, 0, &settings)).await);
    }

    /// The next HTTP/2 frame: its kind, flags, stream and payload. `None`: the connection has ended.
    pub async fn frame(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        while self.come.len() < 9 {
            self.more().await?;
        }
        let length = u32::from_be_bytes([0, self.come[0], self.come[1], self.come[2]]) as usize;
        while self.come.len() < 9 + length {
            self.more().await?;
        }
        let frame: Vec<u8> = self.come.drain(..9 + length).collect();
        let stream = u32::from_be_bytes(frame[5..9].try_into().unwrap());
        Some((frame[3], frame[4], stream, frame[9..].to_vec()))
    }

    /// The body of the answer on an HTTP/2 stream, as text; what comes on others is passed over.
    pub async fn body_on(&mut self, stream: u32) -> Option<String> {
        let mut body = Vec::new();
        loop {
            let (kind, flags, on, payload) = self.frame().await?;
            if on == stream && kind == h2::DATA {
                body.extend_from_slice(&payload);
            }
            if on == stream && flags & h2::END_STREAM != 0 {
                return Some(String::from_utf8(body).unwrap());
            }
            if on == stream && kind == h2::RST_STREAM {
                return None;
            }
        }
    }

    /// Whether the other side ends the connection within a time. What comes before is passed over.
    pub async fn ends_within(&mut self, time: Duration) -> bool {
        let ended = async { while self.more().await.is_some() {} };
        tokio::time::timeout(time, ended).await.is_ok()
    }

    /// After how long the other side begins to end an HTTP/2 connection on which every ping is answered, if it does.
    pub async fn closed_though_pings_are_answered(&mut self, time: Duration) -> Option<Duration> {
        let started = std::time::Instant::now();
        let ended = async {
            loop {
                match self.frame().await {
                    None | Some((h2::GOAWAY, ..)) => return started.elapsed(),
                    Some((h2::PING, 0, _, payload)) => drop(self.send(&h2::frame(h2::PING, 1, 0, &payload)).await),
                    Some(_) => {}
                }
            }
        };
        tokio::time::timeout(time, ended).await.ok()
    }

    /// Reads what comes next; `None` once the other side has ended the connection.
    async fn more(&mut self) -> Option<()> {
        let mut bytes = [0; 16 * 1_024];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut bytes)).await.expect("nothing comes");
        match read {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                self.come.extend_from_slice(&bytes[..count]);
                Some(())
            }
        }
    }
}
