//! How the window is drawn where no GPU can do it.

use tauri::WebviewWindow;

/// Has the window drawn without OpenGL where that is a program: for the same picture it takes twice the
/// processors' time, which the engine needs.
///
/// # Errors
/// Where the window is gone.
#[cfg(target_os = "linux")]
pub fn settle(window: &WebviewWindow) -> tauri::Result<()> {
    use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt, WebViewExt};

    if has_gpu(std::path::Path::new("/dev")) {
        return Ok(());
    }
    window.with_webview(|webview| {
        if let Some(settings) = WebViewExt::settings(&webview.inner()) {
            settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
        }
    })
}

/// Elsewhere the system knows better.
#[cfg(not(target_os = "linux"))]
pub fn settle(_window: &WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

/// Whether the system has a device that OpenGL is made by: a render node of the kernel's, or NVIDIA's own.
#[cfg(target_os = "linux")]
fn has_gpu(devices: &std::path::Path) -> bool {
    let has = |folder: &str, begin: &str| {
        let found = devices.join(folder).read_dir();
        let mut entries = found.into_iter().flatten().flatten();
        entries.any(|entry| entry.file_name().to_string_lossy().starts_with(begin))
    };
    has("dri", "renderD") || has("", "nvidia0")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_gpu_is_one_that_renders() {
        let there = |files: &[&str]| {
            let folder = tempfile::tempdir().expect("a folder");
            fs::create_dir(folder.path().join("dri")).expect("created");
            for file in files {
                fs::write(folder.path().join(file), "").expect("written");
            }
            has_gpu(folder.path())
        };
        assert!(!there(&[]));
        // Shows what others draw.
        assert!(!there(&["dri/card0"]));
        assert!(there(&["dri/card0", "dri/renderD128"]));
        assert!(there(&["nvidia0"]));
        assert!(!there(&["nvidiactl"]));
        assert!(!has_gpu(std::path::Path::new("/nowhere")));
    }
}
