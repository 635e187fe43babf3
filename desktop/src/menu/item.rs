//! Items of the menu, and the ids by which the system names them.

use llamaglass_session::platform::MenuAction::{
    self, Benchmark, Lab, Models, NewChat, Overlay, Settings, Stop,
};

/// A menu item that performs an action of ours.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    OpenFile,
    OpenFolder,
    /// Opens the model at this path.
    Recent(String),
    ClearRecent,
    Quit,
    FullScreen,
    Edit(Edit),
    Page(MenuAction),
}

/// Edits of the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    Undo,
    Redo,
    Cut,
    Copy,
    Paste,
    SelectAll,
}

/// A menu item with its id, label and keyboard shortcut.
pub struct Entry {
    pub item: Item,
    /// Id of the item in the system.
    id: &'static str,
    /// Label; the letter after `&` selects the item.
    pub label: &'static str,
    /// Keyboard shortcut; empty for none.
    pub keys: &'static str,
}

const fn entry(item: Item, id: &'static str, label: &'static str, keys: &'static str) -> Entry {
    Entry {
        item,
        id,
        label,
        keys,
    }
}

/// Every item except the recent models.
pub const ENTRIES: &[Entry] = &[
    entry(Item::OpenFile, "open-file", "&Open File…", "CmdOrCtrl+O"),
    entry(
        Item::OpenFolder,
        "open-folder",
        "Open &Folder…",
        "CmdOrCtrl+Shift+O",
    ),
    entry(Item::ClearRecent, "forget-recent", "&Clear", ""),
    entry(Item::Quit, "quit", "&Quit", "CmdOrCtrl+Q"),
    entry(Item::FullScreen, "full-screen", "&Full Screen", "F11"),
    entry(Item::Edit(Edit::Undo), "undo", "&Undo", "CmdOrCtrl+Z"),
    entry(Item::Edit(Edit::Redo), "redo", "&Redo", "CmdOrCtrl+Shift+Z"),
    entry(Item::Edit(Edit::Cut), "cut", "Cu&t", "CmdOrCtrl+X"),
    entry(Item::Edit(Edit::Copy), "copy", "&Copy", "CmdOrCtrl+C"),
    entry(Item::Edit(Edit::Paste), "paste", "&Paste", "CmdOrCtrl+V"),
    entry(
        Item::Edit(Edit::SelectAll),
        "select-all",
        "Select &All",
        "CmdOrCtrl+A",
    ),
    entry(Item::Page(NewChat), "new-chat", "&New Chat", "CmdOrCtrl+N"),
    entry(Item::Page(Stop), "stop", "&Stop", "CmdOrCtrl+."),
    entry(
        Item::Page(Overlay),
        "overlay",
        "&Token Timeline",
        "CmdOrCtrl+T",
    ),
    entry(Item::Page(Lab), "lab", "&Lab", "CmdOrCtrl+L"),
    entry(Item::Page(Models), "models", "&Models…", "CmdOrCtrl+M"),
    entry(
        Item::Page(Benchmark),
        "benchmark",
        "&Benchmark…",
        "CmdOrCtrl+B",
    ),
    entry(
        Item::Page(Settings),
        "settings",
        "&Settings…",
        "CmdOrCtrl+,",
    ),
];

/// Prefix of a recent model's id, followed by the path.
const RECENT: &str = "recent:";

impl Item {
    /// Returns the item's id in the system.
    pub fn id(&self) -> String {
        match self {
            Self::Recent(path) => format!("{RECENT}{path}"),
            other => other.entry().map_or("", |entry| entry.id).to_owned(),
        }
    }

    /// Returns the item with an id, or `None` for an item that the system handles itself.
    pub fn of(id: &str) -> Option<Self> {
        if let Some(path) = id.strip_prefix(RECENT) {
            return Some(Self::Recent(path.to_owned()));
        }
        let entry = ENTRIES.iter().find(|entry| entry.id == id)?;
        Some(entry.item.clone())
    }

    /// Returns the item's entry, or `None` for a recent model, which is shown by its name.
    pub fn entry(&self) -> Option<&'static Entry> {
        ENTRIES.iter().find(|entry| entry.item == *self)
    }
}

impl Edit {
    /// Returns WebKit's name of the command.
    #[cfg(target_os = "linux")]
    pub const fn command(self) -> &'static str {
        match self {
            Self::Undo => "Undo",
            Self::Redo => "Redo",
            Self::Cut => "Cut",
            Self::Copy => "Copy",
            Self::Paste => "Paste",
            Self::SelectAll => "SelectAll",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_identify_their_items() {
        for entry in ENTRIES {
            let found = Item::of(&entry.item.id());
            assert_eq!(found.as_ref(), Some(&entry.item), "{}", entry.id);
        }
        let recent = Item::Recent("/models/a:b c.gguf".into());
        assert_eq!(Item::of(&recent.id()), Some(recent));
        assert_eq!(Item::of("nonsense"), None);
    }

    #[test]
    fn ids_and_shortcuts_are_unique() {
        let names: HashSet<&str> = ENTRIES.iter().map(|entry| entry.id).collect();
        assert_eq!(names.len(), ENTRIES.len());
        let keys = ENTRIES.iter().map(|entry| entry.keys);
        let keys = keys.filter(|keys| !keys.is_empty());
        let (all, different) = (keys.clone().count(), keys.collect::<HashSet<_>>().len());
        assert_eq!(all, different);
    }
}
