//! The letters of the watermark: five dots wide, seven high, drawn here as they look.

/// Dots from one letter to the next.
pub(super) const STEP: usize = 6;
/// Dots of a letter's height.
pub(super) const HEIGHT: usize = 7;

/// The letter that is drawn for a character: itself, or a dot.
pub(super) fn drawable(letter: char) -> char {
    if letter == ' ' || LETTERS.iter().any(|(known, _)| *known == letter) { letter } else { '.' }
}

/// Tells the dots of a text, each as `scale` by `scale` smaller ones, from its upper left corner.
pub(super) fn dots(text: &str, scale: usize, mut tell: impl FnMut(usize, usize)) {
    for (place, letter) in text.chars().enumerate() {
        let Some((_, rows)) = LETTERS.iter().find(|(known, _)| *known == letter) else { continue };
        for (y, row) in rows.iter().enumerate() {
            for (x, _) in row.bytes().enumerate().filter(|(_, dot)| *dot == b'#') {
                for (dx, dy) in (0..scale * scale).map(|it| (it % scale, it / scale)) {
                    tell((place * STEP + x) * scale + dx, y * scale + dy);
                }
            }
        }
    }
}

type Letter = (char, [&'static str; HEIGHT]);

const LETTERS: &[Letter] = &[
    ('A', [" ### ", "#   #", "#   #", "#####", "#   #", "#   #", "#   #"]),
    ('B', ["#### ", "#   #", "#   #", "#### ", "#   #", "#   #", "#### "]),
    ('C', [" ####", "#    ", "#    ", "#    ", "#    ", "#    ", " ####"]),
    ('D', ["#### ", "#   #", "#   #", "#   #", "#   #", "#   #", "#### "]),
    ('E', ["#####", "#    ", "#    ", "#### ", "#    ", "#    ", "#####"]),
    ('F', ["#####", "#    ", "#    ", "#### ", "#    ", "#    ", "#    "]),
    ('G', [" ####", "#    ", "#    ", "#  ##", "#   #", "#   #", " ####"]),
    ('H', ["#   #", "#   #", "#   #", "#####", "#   #", "#   #", "#   #"]),
    ('I', [" ### ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ", " ### "]),
    ('J', ["   ##", "    #", "    #", "    #", "    #", "#   #", " ### "]),
    ('K', ["#   #", "#  # ", "# #  ", "##   ", "# #  ", "#  # ", "#   #"]),
    ('L', ["#    ", "#    ", "#    ", "#    ", "#    ", "#    ", "#####"]),
    ('M', ["#   #", "## ##", "# # #", "# # #", "#   #", "#   #", "#   #"]),
    ('N', ["#   #", "##  #", "# # #", "#  ##", "#   #", "#   #", "#   #"]),
    ('O', [" ### ", "#   #", "#   #", "#   #", "#   #", "#   #", " ### "]),
    ('P', ["#### ", "#   #", "#   #", "#### ", "#    ", "#    ", "#    "]),
    ('Q', [" ### ", "#   #", "#   #", "#   #", "# # #", "#  # ", " ## #"]),
    ('R', ["#### ", "#   #", "#   #", "#### ", "# #  ", "#  # ", "#   #"]),
    ('S', [" ####", "#    ", "#    ", " ### ", "    #", "    #", "#### "]),
    ('T', ["#####", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  "]),
    ('U', ["#   #", "#   #", "#   #", "#   #", "#   #", "#   #", " ### "]),
    ('V', ["#   #", "#   #", "#   #", "#   #", " # # ", " # # ", "  #  "]),
    ('W', ["#   #", "#   #", "#   #", "# # #", "# # #", "## ##", "#   #"]),
    ('X', ["#   #", " # # ", " # # ", "  #  ", " # # ", " # # ", "#   #"]),
    ('Y', ["#   #", " # # ", " # # ", "  #  ", "  #  ", "  #  ", "  #  "]),
    ('Z', ["#####", "    #", "   # ", "  #  ", " #   ", "#    ", "#####"]),
    ('0', [" ### ", "#   #", "#  ##", "# # #", "##  #", "#   #", " ### "]),
    ('1', ["  #  ", " ##  ", "# #  ", "  #  ", "  #  ", "  #  ", "#####"]),
    ('2', [" ### ", "#   #", "    #", "  ## ", " #   ", "#    ", "#####"]),
    ('3', ["#### ", "    #", "    #", " ### ", "    #", "    #", "#### "]),
    ('4', ["#  # ", "#  # ", "#  # ", "#####", "   # ", "   # ", "   # "]),
    ('5', ["#####", "#    ", "#### ", "    #", "    #", "#   #", " ### "]),
    ('6', [" ### ", "#    ", "#    ", "#### ", "#   #", "#   #", " ### "]),
    ('7', ["#####", "    #", "   # ", "   # ", "  #  ", "  #  ", "  #  "]),
    ('8', [" ### ", "#   #", "#   #", " ### ", "#   #", "#   #", " ### "]),
    ('9', [" ### ", "#   #", "#   #", " ####", "    #", "    #", " ### "]),
    ('.', ["     ", "     ", "     ", "     ", "     ", " ##  ", " ##  "]),
    (':', ["     ", " ##  ", " ##  ", "     ", " ##  ", " ##  ", "     "]),
    ('-', ["     ", "     ", "     ", " ### ", "     ", "     ", "     "]),
    ('_', ["     ", "     ", "     ", "     ", "     ", "     ", "#####"]),
    ('/', ["    #", "    #", "   # ", "  #  ", " #   ", "#    ", "#    "]),
    ('&', [" ##  ", "#  # ", "# #  ", " #   ", "# # #", "#  # ", " ## #"]),
    ('\'', ["  #  ", "  #  ", "     ", "     ", "     ", "     ", "     "]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_is_five_by_seven_and_like_no_other() {
        for (at, (letter, rows)) in LETTERS.iter().enumerate() {
            assert!(rows.iter().all(|row| row.len() == 5), "{letter}");
            assert!(LETTERS[..at].iter().all(|(_, other)| other != rows), "{letter}");
        }
        assert_eq!("Zoë-1".to_uppercase().chars().map(drawable).collect::<String>(), "ZO.-1");
    }

    #[test]
    fn a_text_is_dots_in_a_row() {
        let mut seen = vec![" ".repeat(12).into_bytes(); 7];
        dots("T1", 1, |x, y| seen[y][x] = b'#');
        assert_eq!(seen[0], b"#####   #   ");
        assert_eq!(seen[6], b"  #   ##### ");
        let mut count = 0;
        dots("T1", 3, |x, y| {
            assert!(x < 36 && y < 21);
            count += 1;
        });
        assert_eq!(count, 9 * seen.concat().iter().filter(|dot| **dot == b'#').count());
    }
}
