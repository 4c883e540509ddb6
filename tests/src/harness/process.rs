use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::{Home, Serving};

/// How long the binary may take until it listens.
const START_TIME: Duration = Duration::from_secs(30);
/// How long it may take to end when it is told to.
const STOP_TIME: Duration = Duration::from_secs(30);

/// The real `coffer-vault serve` over a home on disk. Killed when dropped.
pub struct Process {
    child: Child,
    address: SocketAddr,
    stderr: Arc<Mutex<Vec<u8>>>,
    home: Option<Home>,
}

impl Process {
    /// Starts it, at the level of detail that `COFFER_LOG` takes, and waits until it listens.
    pub fn start(home: Home, log: &str) -> Process {
        Process::start_by(Command::new(binary()), home, log)
    }

    /// The same by a command that is handed `serve` and the home, such as a shell that sets limits first.
    pub fn start_by(mut command: Command, home: Home, log: &str) -> Process {
        command.arg("serve").arg(home.dir()).env("COFFER_LOG", log);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let (mut pipe, kept) = (child.stderr.take().unwrap(), Arc::clone(&stderr));
        std::thread::spawn(move || {
            let mut part = [0; 8192];
            while let Ok(count @ 1..) = pipe.read(&mut part) {
                kept.lock().unwrap().extend_from_slice(&part[..count]);
            }
        });
        let address = wait_for(START_TIME, || listening(&stderr.lock().unwrap()));
        let Some(address) = address else {
            let _ = child.kill();
            panic!("coffer-vault does not listen: {}", String::from_utf8_lossy(&stderr.lock().unwrap()));
        };
        Process { child, address, stderr, home: Some(home) }
    }

    /// `kill -9`: it cannot tidy up.
    pub fn kill(mut self) -> Home {
        self.end();
        self.home.take().unwrap()
    }

    /// SIGTERM, and waits for its end. Answers the home and all that it said on standard error.
    pub fn terminate(mut self) -> (Home, Vec<u8>) {
        let told = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        assert!(told.success());
        let ended = wait_for(STOP_TIME, || self.child.try_wait().unwrap());
        let said = self.said();
        assert!(ended.is_some_and(|status| status.success()), "{ended:?}: {}", String::from_utf8_lossy(&said));
        (self.home.take().unwrap(), said)
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it ends by itself; nothing if it does not in time.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        wait_for(limit, || self.child.try_wait().unwrap())
    }

    /// What it has said on standard error so far.
    pub fn said(&self) -> Vec<u8> {
        self.stderr.lock().unwrap().clone()
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving for Process {
    fn home(&self) -> &Home {
        self.home.as_ref().unwrap()
    }

    fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn listening(said: &[u8]) -> Option<SocketAddr> {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().find_map(|line| line.strip_prefix("coffer-vault: listening on "))?;
    line.parse().ok()
}

fn wait_for<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if started.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The binary under test: that of `COFFER_VAULT`, or the one beside this test's own.
pub fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("COFFER_VAULT") {
        Some(path) => path.into(),
        None => built("coffer-vault", "coffer-vault"),
    })
}

/// The `coffer` command line, the one beside this test's own.
pub fn command_line() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| built("coffer-cli", "coffer"))
}

/// The binary that a run over the whole workspace has built with the tests; made here where the
/// tests of this package run alone and there is none.
fn built(package: &str, name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/<profile>/deps/<test>
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let binary = profile.join(name);
    if !binary.exists() {
        build(profile, package, name);
    }
    binary
}

fn build(profile: &Path, package: &str, name: &str) {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--quiet", "--locked", "-p", package, "--bin", name]);
    command.arg("--target-dir").arg(profile.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        command.arg("--release");
    }
    assert!(command.status().unwrap().success(), "{name} does not build");
}
