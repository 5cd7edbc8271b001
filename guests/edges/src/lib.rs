//! Finds the edges of pictures: RGB bytes with `width` and `height` come in, grey ones of the same size go
//! out. A picture wider than the parameter `widest` is scaled down first. `tests/python/test_examples.py`
//! runs it.

mod sobel;

use image::RgbImage;
use image::imageops::{FilterType, grayscale, resize};
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
        let edges = sobel::edges(&grayscale(&self.scaled(picture)));
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
