//! Keeps graphics drivers quiet on machines without a display.

use std::env;
use std::path::Path;

/// Environment variable with the folder of a session's sockets, such as the Wayland compositor's.
const RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";
/// An absolute path that does not exist; Debian uses it for accounts without a home.
const NOWHERE: &str = "/nonexistent";

/// Keeps drivers from printing on stderr that there is no session.
///
/// wgpu enables every surface extension of Vulkan. With the one for Wayland, Mesa's layer that orders GPUs connects
/// to the compositor to ask for its GPU, and libwayland prints an error if `XDG_RUNTIME_DIR` is not an absolute
/// path. If the path does not exist, the layer silently finds no compositor.
///
/// Must be called before anything else in `main`.
pub fn keep_drivers_quiet() {
    if cfg!(target_os = "linux") && !is_usable(env::var_os(RUNTIME_DIR).as_deref().map(Path::new)) {
        // SAFETY: `main` calls this first, when the process has no other thread that could read the
        // environment.
        unsafe { env::set_var(RUNTIME_DIR, NOWHERE) };
    }
}

/// Returns true if libwayland accepts the folder as it is.
fn is_usable(runtime_dir: Option<&Path>) -> bool {
    runtime_dir.is_some_and(Path::is_absolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtime_dir_is_kept_only_when_it_is_an_absolute_path() {
        for (path, usable) in [
            (None, false),
            (Some(""), false),
            (Some("run/user/0"), false),
            (Some("/run/user/0"), true),
        ] {
            assert_eq!(is_usable(path.map(Path::new)), usable, "{path:?}");
        }
    }
}
