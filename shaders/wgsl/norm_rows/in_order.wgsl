// Consecutive rows.


fn from_row(row: u32) -> u32 { return params.first_row + row; }
