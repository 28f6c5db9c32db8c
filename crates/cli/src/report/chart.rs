//! Bars, drawn as SVG: a label, a count and a bar for each value.
//!
//! Widths are shares of the drawing, so that texts keep their size on a phone. Colours are those of the page's style.

use super::html::escape;
use crate::figures::grouped;

/// A value with its count, and the name of the colour.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) count: usize,
    pub(super) colour: &'static str,
}

/// How high a bar is with its label.
const HEIGHT: usize = 38;

/// The longest label, in characters.
const LONGEST: usize = 24;

/// A drawing that also says in words what it shows.
pub(super) fn draw(id: &str, title: &str, bars: &[Bar]) -> String {
    let all: usize = bars.iter().map(|bar| bar.count).sum();
    let words: Vec<String> = bars.iter().map(|bar| format!("{}: {}", bar.label, grouped(bar.count))).collect();
    let height = bars.len() * HEIGHT;
    let mut out = format!(
        "<svg role=\"img\" aria-labelledby=\"{id}-title {id}-words\" height=\"{height}\">\
         <title id=\"{id}-title\">{title}</title><desc id=\"{id}-words\">{}</desc>\n",
        escape(&words.join(", "))
    );
    for (index, bar) in bars.iter().enumerate() {
        let top = index * HEIGHT;
        // In thousandths, at least a sliver.
        let share = (bar.count * 1000 / all.max(1)).max(6);
        let label: String = if bar.label.chars().count() > LONGEST {
            bar.label.chars().take(LONGEST).chain(['…']).collect()
        } else {
            bar.label.clone()
        };
        out.push_str(&format!(
            "<text y=\"{}\">{}</text><text class=\"count\" x=\"100%\" y=\"{}\">{}</text>\
             <rect class=\"track\" y=\"{}\" width=\"100%\" height=\"6\" rx=\"3\"/>\
             <rect class=\"bar {}\" y=\"{}\" width=\"{}.{}%\" height=\"6\" rx=\"3\"/>\n",
            top + 14,
            escape(&label),
            top + 14,
            grouped(bar.count),
            top + 21,
            bar.colour,
            top + 21,
            share / 10,
            share % 10,
        ));
    }
    out + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_told_in_words() {
        let bar = |label: &str, count| Bar { label: label.to_owned(), count, colour: "act" };
        let long = "<long>".repeat(10);
        let drawing = draw("status", "Status", &[bar("A", 1500), bar(&long, 500), bar("none", 0)]);
        assert!(drawing.contains("<desc id=\"status-words\">A: 1,500, &lt;long&gt;"), "{drawing}");
        // The last one is a sliver.
        for width in ["75.0%", "25.0%", "0.6%"] {
            assert!(drawing.contains(&format!("width=\"{width}\"")), "{drawing}");
        }
        assert!(drawing.contains("&lt;long&gt;&lt;long&gt;&lt;long&gt;&lt;long&gt;…</text>"), "{drawing}");
        assert!(!drawing.contains("<long>") && draw("none", "None", &[]).contains("height=\"0\""));
    }
}
