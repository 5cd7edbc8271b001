//! Which column a box is in, and the order in each column.
#![expect(
    clippy::indexing_slicing,
    reason = "positions are those of the vectors that were made for them"
)]

use super::{Layers, Link};

/// How often the columns are sorted. More changes little.
const SWEEPS: usize = 12;

/// The column of each box: one more than the last of those that it reads. Boxes that read nothing
/// stand directly before their first reader.
pub(super) fn columns(boxes: usize, links: &[Link], forward: &[usize]) -> Vec<usize> {
    let mut readers = vec![Vec::new(); boxes];
    let mut waits_for = vec![0_usize; boxes];
    for &index in forward {
        let link = links[index];
        readers[link.from].push(link.to);
        waits_for[link.to] += 1;
    }
    let sources: Vec<_> = (0..boxes).filter(|&node| waits_for[node] == 0).collect();
    let mut columns = vec![0_usize; boxes];
    let mut ready = sources.clone();
    while let Some(node) = ready.pop() {
        for &reader in &readers[node] {
            columns[reader] = columns[reader].max(columns[node] + 1);
            waits_for[reader] -= 1;
            if waits_for[reader] == 0 {
                ready.push(reader);
            }
        }
    }
    for source in sources {
        let first = readers[source].iter().map(|&reader| columns[reader]).min();
        columns[source] = first.map_or(0, |first| first - 1);
    }
    columns
}

/// Sorts the columns so that few segments cross.
pub(super) fn sort(layers: &mut Layers) {
    let mut positions = vec![0.0; layers.vertices.len()];
    for column in &layers.columns {
        write_positions(column, &mut positions);
    }
    let (left, right) = neighbours(layers);
    let mut best = layers.columns.clone();
    let mut fewest = crossings(layers, &positions);
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        let count = layers.columns.len();
        for step in 0..count {
            let column = if forward { step } else { count - 1 - step };
            let beside = if forward { &left } else { &right };
            sort_column(&mut layers.columns[column], beside, &mut positions);
        }
        let crossings = crossings(layers, &positions);
        if crossings < fewest {
            fewest = crossings;
            best.clone_from(&layers.columns);
        }
    }
    layers.columns = best;
}

/// For each vertex the vertices on one side, and how far down their side the segment ends, from 0 to 1.
type Neighbours = Vec<Vec<(usize, f64)>>;

fn neighbours(layers: &Layers) -> (Neighbours, Neighbours) {
    let mut left = vec![Vec::new(); layers.vertices.len()];
    let mut right = left.clone();
    for segment in &layers.segments {
        let part = |vertex: usize, y: f64| y / layers.vertices[vertex].height.max(1.0);
        left[segment.to].push((segment.from, part(segment.from, segment.leaves)));
        right[segment.from].push((segment.to, part(segment.to, segment.arrives)));
    }
    (left, right)
}

fn sort_column(column: &mut [usize], beside: &Neighbours, positions: &mut [f64]) {
    let key = |&vertex: &usize| {
        let near = &beside[vertex];
        let sum: f64 = near.iter().map(|&(other, part)| positions[other] + part).sum();
        if near.is_empty() { positions[vertex] } else { sum / near.len() as f64 }
    };
    let mut keyed: Vec<_> = column.iter().map(|vertex| (key(vertex), *vertex)).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (place, (_, vertex)) in column.iter_mut().zip(keyed) {
        *place = vertex;
    }
    write_positions(column, positions);
}

fn write_positions(column: &[usize], positions: &mut [f64]) {
    for (position, &vertex) in column.iter().enumerate() {
        positions[vertex] = position as f64;
    }
}

/// How many pairs of segments cross.
fn crossings(layers: &Layers, positions: &[f64]) -> usize {
    // A port counts as a small part of the way to the next box.
    const PORT: f64 = 1e-5;
    let mut gaps = vec![Vec::new(); layers.columns.len()];
    for segment in &layers.segments {
        let from = positions[segment.from] + segment.leaves * PORT;
        let to = positions[segment.to] + segment.arrives * PORT;
        gaps[layers.vertices[segment.from].column].push((from, to));
    }
    gaps.into_iter().map(inversions).sum()
}

fn inversions(mut ends: Vec<(f64, f64)>) -> usize {
    ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut seen: Vec<f64> = Vec::with_capacity(ends.len());
    let mut count = 0;
    for (_, end) in ends {
        let at = seen.partition_point(|&other| other <= end);
        count += seen.len() - at;
        seen.insert(at, end);
    }
    count
}
