//! Events of the window, passed on to the page and the engine.

use std::path::PathBuf;

use llamaglass_session::protocol::WindowReply;
use tauri::{AppHandle, DragDropEvent, Manager, WindowEvent};

use crate::dropped;
use crate::shell::Shell;

/// Handles an event of the window.
pub fn handle(app: &AppHandle, event: &WindowEvent) {
    let shell = app.state::<Shell>();
    match event {
        // The engine starts to stop while the window is still closing.
        WindowEvent::CloseRequested { .. } => shell.stop(),
        WindowEvent::DragDrop(DragDropEvent::Enter { .. }) => send_hovering(&shell, true),
        WindowEvent::DragDrop(DragDropEvent::Leave) => send_hovering(&shell, false),
        WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) => {
            send_hovering(&shell, false);
            open_dropped(&shell, paths);
        }
        _ => {}
    }
}

/// Shows a message on the page.
pub fn send_notice(app: &AppHandle, text: String) {
    app.state::<Shell>().send(WindowReply::Notice { text });
}

fn send_hovering(shell: &Shell, over: bool) {
    shell.send(WindowReply::Hovering { over });
}

fn open_dropped(shell: &Shell, paths: &[PathBuf]) {
    if let Some(model) = dropped::model(paths) {
        shell.open(&model);
    } else if let Some(path) = paths.first() {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy();
        // Loading it would end the loaded model for nothing.
        let text = format!(
            "{name} is no model: drop a .gguf file, a .safetensors file or a model\u{2019}s folder."
        );
        shell.send(WindowReply::Notice { text });
    }
}
