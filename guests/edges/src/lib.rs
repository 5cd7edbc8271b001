//! Finds the edges of pictures: RGB bytes with `width` and `height` come in, grey ones of the same size go
//! out. A picture wider than the parameter `widest` is scaled down first. `tests/python/test_examples.py`
//! runs it.

use image::imageops::{FilterType, grayscale, resize};
use image::{GrayImage, Luma, RgbImage};
use thalweg_guest::{
    Encoding, Event, Handler, Message, Result, Value, handler, outputs, parameters,
};

struct Edges {
    widest: u32,
}

impl Handler for Edges {
    fn new() -> Result<Self> {
        Ok(Edges { widest: parameters::get_or("widest", 1024)? })
    }

    fn on_event(&mut self, event: Event) -> Result {
        let Event::Input { message, .. } = event else { return Ok(()) };
        let (width, height) = (number(&message, "width")?, number(&message, "height")?);
        let mut parameters = message.metadata.parameters;
        let bytes = message.payload.into_bytes();
        let length = bytes.len();
        let picture = RgbImage::from_raw(width, height, bytes).ok_or_else(|| {
            format!("{length} bytes are too few for a picture of {width} × {height}")
        })?;
        let edges = edges(&grayscale(&self.scaled(picture)));
        parameters.retain(|(name, _)| name != "width" && name != "height");
        parameters.push(("width".into(), edges.width().into()));
        parameters.push(("height".into(), edges.height().into()));
        Ok(outputs::send_with("edges", edges.into_raw(), Encoding::Raw, &parameters)?)
    }
}

handler!(Edges);

impl Edges {
    fn scaled(&self, picture: RgbImage) -> RgbImage {
        let (width, height) = picture.dimensions();
        if width <= self.widest {
            return picture;
        }
        let height = u64::from(height) * u64::from(self.widest) / u64::from(width);
        resize(&picture, self.widest, (height as u32).max(1), FilterType::Triangle)
    }
}

fn number(message: &Message, name: &str) -> Result<u32> {
    let value = message.metadata.parameter(name).cloned();
    let value: Value = value.ok_or_else(|| format!("the picture has no `{name}`"))?;
    Ok(u32::try_from(value)?)
}

/// How steep the brightness is at each point, by Sobel; beyond the border it goes on as at the border.
fn edges(picture: &GrayImage) -> GrayImage {
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
        Luma([(across.hypot(down) / 4.0).min(255.0) as u8])
    })
}
