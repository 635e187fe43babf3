//! Advice for users without a usable GPU, by browser.

/// Message of the desktop program if there is no suitable adapter.
pub const PROGRAM_MISSING: &str =
    "No suitable graphics adapter was found through Vulkan, Metal or DirectX 12.";

/// Advice of the desktop program if there is no suitable adapter.
pub const PROGRAM_ADVICE: [&str; 2] = [
    "Install or update the graphics driver.",
    "On Linux, vulkaninfo --summary (package vulkan-tools) lists the available adapters.",
];

/// Properties of the browser that decide whether WebGPU is available.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrowserFacts {
    /// User agent string.
    pub user_agent: String,
    /// True if `navigator.gpu` exists.
    pub has_webgpu: bool,
    /// True if the page came over https or from this machine.
    pub is_secure: bool,
}

impl BrowserFacts {
    /// Returns one sentence that says what is missing.
    pub fn missing(&self) -> &'static str {
        if !self.is_secure {
            "WebGPU is available only to pages that come over https or from this machine (localhost)."
        } else if !self.has_webgpu {
            "This browser does not support WebGPU, or it is turned off."
        } else {
            "This browser supports WebGPU, but offers no suitable graphics adapter."
        }
    }

    /// Returns advice, the most promising first.
    pub fn advice(&self) -> Vec<&'static str> {
        if !self.is_secure {
            return vec!["Open the page over https, or from http://localhost or http://127.0.0.1."];
        }
        let agent = self.user_agent.as_str();
        let has = |part: &str| agent.contains(part);
        let linux = has("Linux") && !has("Android");
        let mut advice = if has("Firefox/") {
            vec![
                "Firefox supports WebGPU from version 141 on Windows and 145 on Macs with Apple silicon. Elsewhere: open about:config, set dom.webgpu.enabled to true and restart.",
            ]
        } else if has("Chrome/") || has("Chromium/") || has("Edg/") {
            let mut advice = vec![
                "Chrome and Edge support WebGPU from version 113 (Android: 121). Update the browser, and turn on “Use graphics acceleration when available” under Settings → System.",
            ];
            if linux {
                advice.push("On Linux: open chrome://flags, enable “Unsafe WebGPU Support” and “Vulkan”, and restart the browser.");
            }
            advice.push("Open chrome://gpu and look for WebGPU: it says why it is off.");
            advice
        } else if has("Safari/") {
            vec![
                "Safari supports WebGPU from version 26 (macOS Tahoe, iOS 26). On Safari 18: Settings → Feature Flags → WebGPU.",
            ]
        } else {
            vec!["Use a current Chrome, Edge, Firefox or Safari."]
        };
        advice.push(
            "Update the graphics driver; browsers hide adapters with known faults from pages.",
        );
        advice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(user_agent: &str) -> BrowserFacts {
        BrowserFacts {
            user_agent: user_agent.into(),
            has_webgpu: false,
            is_secure: true,
        }
    }

    #[test]
    fn advice_matches_each_browser() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36";
        assert!(
            facts(chrome)
                .advice()
                .iter()
                .any(|a| a.contains("chrome://flags"))
        );
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert!(facts(firefox).advice()[0].contains("about:config"));
        let safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15";
        assert!(facts(safari).advice()[0].contains("Feature Flags"));
    }

    #[test]
    fn insecure_page_gets_only_the_https_advice() {
        let facts = BrowserFacts {
            is_secure: false,
            ..facts("Chrome/140")
        };
        assert!(facts.missing().contains("https"));
        assert_eq!(facts.advice().len(), 1);
    }
}
