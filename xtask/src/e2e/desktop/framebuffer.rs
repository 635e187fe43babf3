//! Reads the screen of Xvfb from its framebuffer file, which is an X window dump (XWD), so that a screenshot
//! needs no further program.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::super::webdriver::WindowSize;

/// Indices of 32-bit words in a dump's header, which are big-endian here.
const HEADER_SIZE: usize = 0;
const WIDTH: usize = 4;
const HEIGHT: usize = 5;
const BITS_PER_PIXEL: usize = 11;
const BYTES_PER_LINE: usize = 12;
const COLOURS: usize = 19;
/// Bytes per entry of the colour table, which lies between header and pixels.
const COLOUR_BYTES: usize = 12;

/// Converts the dump to a PNG, cropped to `size` from the upper left corner if given.
pub fn to_png(dump: &Path, file: &Path, size: Option<WindowSize>) -> Result<()> {
    let size = size.unwrap_or(WindowSize::new(u32::MAX, u32::MAX));
    let bytes = fs::read(dump).with_context(|| format!("could not read {}", dump.display()))?;
    let Picture {
        width,
        height,
        pixels,
    } = decode(&bytes, size).with_context(|| format!("{} is not a screen dump", dump.display()))?;
    let write = || format!("could not write {}", file.display());
    let out = BufWriter::new(File::create(file).with_context(write)?);
    let mut encoder = png::Encoder::new(out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().with_context(write)?;
    writer.write_image_data(&pixels).with_context(write)
}

#[derive(Debug, PartialEq, Eq)]
struct Picture {
    width: u32,
    height: u32,
    /// Three bytes per pixel: red, green, blue.
    pixels: Vec<u8>,
}

/// Reads the dump's pixels, cropped to `size`.
fn decode(dump: &[u8], size: WindowSize) -> Result<Picture> {
    let word = |index: usize| -> Result<usize> {
        let bytes = dump.get(4 * index..4 * index + 4);
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        Ok(u32::from_be_bytes(bytes.context("it is truncated")?) as usize)
    };
    ensure!(
        word(BITS_PER_PIXEL)? == 32,
        "it has {} bits per pixel",
        word(BITS_PER_PIXEL)?
    );
    let (width, height, line) = (word(WIDTH)?, word(HEIGHT)?, word(BYTES_PER_LINE)?);
    let start = word(HEADER_SIZE)? + COLOUR_BYTES * word(COLOURS)?;
    let rows = dump.get(start..).context("it is truncated")?;
    ensure!(
        line >= 4 * width && line > 0 && rows.len() >= line * height,
        "it is truncated"
    );
    let (width, height) = (
        width.min(size.width as usize),
        height.min(size.height as usize),
    );
    let pixels = rows
        .chunks_exact(line)
        .take(height)
        .flat_map(|row| row[..4 * width].chunks_exact(4))
        // Blue is the first byte of a pixel, as on every little-endian machine.
        .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]])
        .collect();
    Ok(Picture {
        width: u32::try_from(width)?,
        height: u32::try_from(height)?,
        pixels,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: WindowSize = WindowSize::new(u32::MAX, u32::MAX);

    /// Returns a dump of two pixels in one row, followed by padding.
    fn dump() -> Vec<u8> {
        let mut words = [0_u32; 25];
        words[HEADER_SIZE] = 100;
        words[WIDTH] = 2;
        words[HEIGHT] = 1;
        words[BITS_PER_PIXEL] = 32;
        words[BYTES_PER_LINE] = 12;
        words[COLOURS] = 1;
        let mut dump: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        dump.extend([0; COLOUR_BYTES]);
        dump.extend([3, 2, 1, 0, 30, 20, 10, 0, 9, 9, 9, 9]);
        dump
    }

    #[test]
    fn pixels_are_read_after_header_and_colour_table() {
        let picture = |width, pixels: &[u8]| Picture {
            width,
            height: 1,
            pixels: pixels.to_vec(),
        };
        let full = decode(&dump(), ALL).expect("decoded");
        assert_eq!(full, picture(2, &[1, 2, 3, 10, 20, 30]));
        let corner = decode(&dump(), WindowSize::new(1, 9)).expect("decoded");
        assert_eq!(corner, picture(1, &[1, 2, 3]));
    }

    #[test]
    fn rejects_truncated_dump() {
        let full = dump();
        for length in [0, 50, 100, full.len() - 1] {
            assert!(decode(&full[..length], ALL).is_err(), "{length} bytes");
        }
    }
}
