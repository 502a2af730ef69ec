package feed

// A source numbers its items in series of 2^24, without gaps within one. It begins another only where its database was put back to an
// earlier state and may have forgotten numbers: of the earlier series nobody knows then where it ended, and so nobody is blamed for
// lacking its end.

const seriesBits = 24

// SeriesLength is how many numbers a series has at most. A source that uses them all goes on with the next series without a gap.
const SeriesLength = 1 << seriesBits

// BeginsSeries is whether a number is the first of a series: a source may go on with it after any number before it.
func BeginsSeries(n uint64) bool { return n%SeriesLength == 1 }

// seriesOf is which series a number is of; there is no number 0.
func seriesOf(n uint64) uint64 { return (n - 1) >> seriesBits }

// sameSeries is whether the source told all that lies between two numbers, too.
func sameSeries(a, b uint64) bool { return seriesOf(a) == seriesOf(b) }
