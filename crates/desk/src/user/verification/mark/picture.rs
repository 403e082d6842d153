//! The watermark of images. Memory is what the decoded image takes: it is written over in place and encoded from there.

use std::io::Cursor;

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::{PngDecoder, PngEncoder};
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageResult, Limits};

use super::super::content::{DAMAGED, DECODED_MAX, SIDE_MAX, Unfit};
use super::{Lines, letters};

/// How well a JPEG is kept.
const QUALITY: u8 = 88;

fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODED_MAX);
    limits
}

fn decoded(mut decoder: impl ImageDecoder) -> ImageResult<DynamicImage> {
    decoder.set_limits(limits())?;
    DynamicImage::from_decoder(decoder)
}

fn damaged<T>(result: ImageResult<T>) -> Result<T, Unfit> {
    result.map_err(|_| DAMAGED)
}

pub(super) fn try_jpeg(bytes: &[u8]) -> Result<(), Unfit> {
    damaged(JpegDecoder::new(Cursor::new(bytes)).and_then(decoded)).map(drop)
}

pub(super) fn try_png(bytes: &[u8]) -> Result<(), Unfit> {
    damaged(PngDecoder::with_limits(Cursor::new(bytes), limits()).and_then(decoded)).map(drop)
}

pub(super) fn jpeg(bytes: &[u8], lines: &Lines) -> Result<Vec<u8>, Unfit> {
    let mut decoder = damaged(JpegDecoder::new(Cursor::new(bytes)))?;
    let turned = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let canvas = drawn(damaged(decoded(decoder))?, lines);
    let mut out = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut out, QUALITY);
    // Which way is up is all that is taken over: turning the pixels would take the memory twice.
    if turned != Orientation::NoTransforms {
        let _ = encoder.set_exif_metadata(which_way_is_up(turned));
    }
    damaged(encoder.write_image(&canvas.pixels, canvas.width, canvas.height, canvas.colour))?;
    Ok(out)
}

pub(super) fn png(bytes: &[u8], lines: &Lines) -> Result<Vec<u8>, Unfit> {
    let decoder = damaged(PngDecoder::with_limits(Cursor::new(bytes), limits()))?;
    let canvas = drawn(damaged(decoded(decoder))?, lines);
    let mut out = Vec::new();
    damaged(PngEncoder::new(&mut out).write_image(&canvas.pixels, canvas.width, canvas.height, canvas.colour))?;
    Ok(out)
}

/// Exif with one entry, the orientation.
fn which_way_is_up(turned: Orientation) -> Vec<u8> {
    let mut exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend_from_slice(&[turned.to_exif(), 0, 0, 0, 0, 0, 0]);
    exif
}

/// Pixels of eight bits for each colour.
struct Canvas {
    width: u32,
    height: u32,
    colour: ExtendedColorType,
    /// Bytes of a pixel, and how many of them are colours.
    bytes: usize,
    colours: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    fn of(image: DynamicImage) -> Canvas {
        let (width, height) = (image.width(), image.height());
        let (colour, bytes, colours, pixels) = match image {
            DynamicImage::ImageLuma8(it) => (ExtendedColorType::L8, 1, 1, it.into_raw()),
            DynamicImage::ImageLumaA8(it) => (ExtendedColorType::La8, 2, 1, it.into_raw()),
            DynamicImage::ImageRgb8(it) => (ExtendedColorType::Rgb8, 3, 3, it.into_raw()),
            DynamicImage::ImageRgba8(it) => (ExtendedColorType::Rgba8, 4, 3, it.into_raw()),
            DynamicImage::ImageLuma16(_) => (ExtendedColorType::L8, 1, 1, image.into_luma8().into_raw()),
            DynamicImage::ImageLumaA16(_) => (ExtendedColorType::La8, 2, 1, image.into_luma_alpha8().into_raw()),
            DynamicImage::ImageRgb16(_) => (ExtendedColorType::Rgb8, 3, 3, image.into_rgb8().into_raw()),
            other => (ExtendedColorType::Rgba8, 4, 3, other.into_rgba8().into_raw()),
        };
        Canvas { width, height, colour, bytes, colours, pixels }
    }

    /// Moves a pixel halfway and more towards black or white.
    fn blend(&mut self, x: usize, y: usize, towards: u8) {
        if x >= self.width as usize || y >= self.height as usize {
            return;
        }
        let at = (y * self.width as usize + x) * self.bytes;
        let Some(pixel) = self.pixels.get_mut(at..at + self.bytes) else { return };
        let (colours, alpha) = pixel.split_at_mut(self.colours);
        for colour in colours {
            *colour = ((u16::from(*colour) * 2 + u16::from(towards) * 3) / 5) as u8;
        }
        // What cannot be seen through shows on whatever it is laid.
        alpha.fill(alpha.first().map_or(0, |alpha| 128_u8.max(*alpha)));
    }
}

/// The lines again and again, white with a black edge, so that they show on any ground.
fn drawn(image: DynamicImage, lines: &Lines) -> Canvas {
    let mut canvas = Canvas::of(image);
    let (width, height) = (canvas.width as usize, canvas.height as usize);
    let longest = lines.0.iter().map(String::len).max().unwrap_or(1).max(1);
    let scale = (width * 2 / 5 / (longest * letters::STEP)).max(1);
    let pitch = 3 * letters::HEIGHT * scale;
    for (row, y) in (pitch / 3..height.max(pitch / 3 + 1)).step_by(pitch).enumerate() {
        let Some(line) = lines.0.get(row % lines.0.len().max(1)) else { break };
        let step = (line.len() + 4) * letters::STEP * scale;
        let begin = (row * step / 3) % step;
        // The first of a row may begin before the left edge.
        for left in (0..width + step).step_by(step) {
            for (ground, shift) in [(0, scale.div_ceil(3)), (255, 0)] {
                letters::dots(line, scale, |dx, dy| {
                    if let Some(x) = (left + dx + shift).checked_sub(begin) {
                        canvas.blend(x, y + dy + shift, ground);
                    }
                });
            }
        }
    }
    canvas
}
