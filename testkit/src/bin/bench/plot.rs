//! How memory and time grow with the number of roles, as SVG.

use std::fmt::Write as _;

use crate::figures::Row;

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 40.0;
const BETWEEN: f64 = 90.0;
const BELOW: f64 = 50.0;
const IN_A_ROW: usize = 2;

const STYLE: &str = "<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.name { font-weight: 600 }
.grid { stroke: #57606a; stroke-opacity: .25 }
.curve { fill: none; stroke: #0969da; stroke-width: 2 }
.point { fill: #0969da }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.grid { stroke: #8b949e }
.curve { stroke: #58a6ff }
.point { fill: #58a6ff }
}
</style>
";

/// A panel for each figure that the rows with a number of roles have; `None` where there are fewer than two such rows.
pub fn plot(rows: &[Row]) -> Option<String> {
    // Only what is made takes a time that is told; looks come at an interval.
    let (made, looks): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.seconds.is_some());
    let of = |rows: &[&Row], figure: fn(&Row) -> Option<f64>| -> Vec<(f64, f64)> {
        let points = rows.iter().filter_map(|row| Some((row.roles? as f64, figure(row)?)));
        points.collect()
    };
    let panels = [
        ("MiB at most while they are made", of(&made, |row| row.peak_mib)),
        ("MiB at rest", of(&looks, |row| row.steady_mib)),
        ("seconds until all are made", of(&made, |row| row.seconds)),
        ("processor seconds of a look", of(&looks, |row| row.processor_seconds)),
    ];
    if panels.iter().any(|(_, points)| points.len() < 2) {
        return None;
    }
    let width = LEFT + (WIDTH + BETWEEN) * IN_A_ROW as f64;
    let height = (TOP + HEIGHT + BELOW) * panels.len().div_ceil(IN_A_ROW) as f64;
    let described = panels.iter().map(|(title, points)| {
        let points = points
            .iter()
            .map(|(roles, value)| format!("{value:.2} with {roles} roles"));
        format!("{title}: {}.", points.collect::<Vec<_>>().join(", "))
    });
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         aria-labelledby=\"title description\">\n\
         <title id=\"title\">How memory and time grow with the number of roles</title>\n\
         <desc id=\"description\">{}</desc>\n{STYLE}",
        described.collect::<Vec<_>>().join(" ")
    );
    for (number, (title, points)) in panels.iter().enumerate() {
        let (column, row) = ((number % IN_A_ROW) as f64, (number / IN_A_ROW) as f64);
        let corner = (LEFT + (WIDTH + BETWEEN) * column, TOP + (TOP + HEIGHT + BELOW) * row);
        panel(&mut svg, corner, title, points);
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

fn panel(svg: &mut String, (left, top): (f64, f64), title: &str, points: &[(f64, f64)]) {
    let most = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(0.0, f64::max);
    let (most_roles, most_value) = (most(|point| point.0), round_up(most(|point| point.1)));
    let x = |roles: f64| left + WIDTH * roles / most_roles;
    let y = |value: f64| top + HEIGHT * (1.0 - value / most_value);
    let _ = writeln!(
        svg,
        "<text x=\"{left:.0}\" y=\"{:.0}\" class=\"name\">{title}</text>",
        top - 18.0
    );
    for part in 0..=4 {
        let value = most_value * f64::from(part) / 4.0;
        let at = y(value);
        // A fourth of 0.3 is no number of two digits in binary.
        let value = (value * 1_000.0).round() / 1_000.0;
        let _ = writeln!(
            svg,
            "<line x1=\"{left:.1}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\" class=\"grid\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            left + WIDTH,
            left - 6.0,
            at + 4.0
        );
    }
    let line: Vec<String> = points
        .iter()
        .map(|(roles, value)| format!("{:.1},{:.1}", x(*roles), y(*value)))
        .collect();
    let _ = writeln!(svg, "<polyline points=\"{}\" class=\"curve\"/>", line.join(" "));
    for (roles, value) in points {
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" class=\"point\"><title>{roles} roles: {value:.2}</title></circle>",
            x(*roles),
            y(*value)
        );
    }
    for roles in [0.0, most_roles / 2.0, most_roles] {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{roles} roles</text>",
            x(roles),
            top + HEIGHT + 20.0
        );
    }
}

/// The next number of one digit and zeros, or half of it, that is no less.
fn round_up(value: f64) -> f64 {
    let magnitude = 10_f64.powf(value.max(1e-6).log10().floor());
    let steps = [1.0, 2.0, 4.0, 5.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * magnitude >= value);
    step.unwrap_or(10.0) * magnitude
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_that_was_measured_twice_is_drawn() {
        let looked = |roles, mib| Row {
            roles: Some(roles),
            steady_mib: Some(mib),
            processor_seconds: Some(0.5),
            ..Row::new("a look")
        };
        let made = |roles, mib| Row {
            peak_mib: Some(mib),
            seconds: Some(7.0),
            ..looked(roles, 500.0)
        };
        let few = [made(1_000, 30.0), looked(1_000, 20.0)];
        assert_eq!(plot(&few), None);
        let many = [made(10_000, 93.0), looked(10_000, 78.0)];
        let svg = plot(&[few, many].concat()).unwrap_or_default();
        assert_eq!(svg.matches("<circle").count(), 8);
        assert!(svg.contains("10000 roles: 93.00"), "{svg}");
        assert!(
            svg.contains("10000 roles: 78.00") && svg.contains(">80</text>"),
            "{svg}"
        );
    }

    #[test]
    fn a_scale_ends_at_a_round_number() {
        let rounded: Vec<f64> = [0.07, 1.0, 3.1, 78.0, 431.0].into_iter().map(round_up).collect();
        assert_eq!(rounded, [0.08, 1.0, 4.0, 80.0, 500.0]);
    }
}
