package s3core

import "testing"

func TestPartSize(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct{ total, size, want int64 }{
		{1, 16 * mib, 16 * mib},
		{100 * mib, 16 * mib, 16 * mib},
		{maxParts * 16 * mib, 16 * mib, 16 * mib},
		{maxParts*16*mib + 1, 16 * mib, 32 * mib},
		{5 << 40, 16 * mib, 528 * mib},
		{5 << 40, 1 << 30, 1 << 30},
	} {
		got := partSize(tt.total, tt.size)
		if got != tt.want {
			t.Errorf("partSize(%d, %d) is %d, want %d", tt.total, tt.size, got, tt.want)
		}
		if parts := (tt.total + got - 1) / got; parts > maxParts {
			t.Errorf("%d bytes in parts of %d are %d parts", tt.total, got, parts)
		}
	}
}
