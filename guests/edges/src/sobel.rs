//! What is the same in a sandbox and out of it: `benches/dora` has this file, too.

use image::{GrayImage, Luma};

/// How steep the brightness is at each point, by Sobel; beyond the border it goes on as at the border.
pub(crate) fn edges(picture: &GrayImage) -> GrayImage {
    let (right, bottom) = (i64::from(picture.width()) - 1, i64::from(picture.height()) - 1);
    let at = |x: i64, y: i64| {
        let Luma([brightness]) =
            picture.get_pixel(x.clamp(0, right) as u32, y.clamp(0, bottom) as u32);
        f32::from(*brightness)
    };
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let (x, y) = (i64::from(x), i64::from(y));
        let column = |x: i64| at(x, y - 1) + 2.0 * at(x, y) + at(x, y + 1);
        let row = |y: i64| at(x - 1, y) + 2.0 * at(x, y) + at(x + 1, y);
        let (across, down) = (column(x + 1) - column(x - 1), row(y + 1) - row(y - 1));
        Luma([((across * across + down * down).sqrt() / 4.0).min(255.0) as u8])
    })
}
