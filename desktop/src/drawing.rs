//! Chooses how the window is drawn if there is no GPU.

use tauri::WebviewWindow;

/// Draws the window without OpenGL if OpenGL would run in software, which takes twice as much of the processors'
/// time for the same picture. The engine needs that time.
#[cfg(target_os = "linux")]
pub fn configure(window: &WebviewWindow) -> tauri::Result<()> {
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

/// Does nothing: other systems decide for themselves.
#[cfg(not(target_os = "linux"))]
pub fn configure(_window: &WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

/// Returns whether the system has a device for OpenGL: a render node of the kernel, or NVIDIA's own device.
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
    fn only_rendering_devices_count_as_gpus() {
        let there = |files: &[&str]| {
            let folder = tempfile::tempdir().expect("a folder");
            fs::create_dir(folder.path().join("dri")).expect("created");
            for file in files {
                fs::write(folder.path().join(file), "").expect("written");
            }
            has_gpu(folder.path())
        };
        assert!(!there(&[]));
        // Only displays what another device renders.
        assert!(!there(&["dri/card0"]));
        assert!(there(&["dri/card0", "dri/renderD128"]));
        assert!(there(&["nvidia0"]));
        assert!(!there(&["nvidiactl"]));
        assert!(!has_gpu(std::path::Path::new("/nowhere")));
    }
}
