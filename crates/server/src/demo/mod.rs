//! The demo: two invented institutions and the people who bank there. `people` decides who they are, `names` holds the
//! words they are made of. Nothing here touches a database; the demo hands the people to the desk like anybody else.

// Word lists are read as paragraphs, not as columns of one word.
#[rustfmt::skip]
pub mod names;
pub mod people;
