package web

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

// Text has at least the contrast of WCAG 2.2 AA (4.5 : 1) on every ground that it is put on, in light and in dark.
func TestContrast(t *testing.T) {
	css, err := content.ReadFile("ui/assets/gatehouse.css")
	must(t, err)
	colours := map[string][2]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`).FindAllStringSubmatch(string(css), -1) {
		colours[m[1]] = [2]string{m[2], m[3]}
	}
	pairs := [][2]string{{"green", "green-bg"}, {"red", "red-bg"}, {"amber", "amber-bg"}, {"violet", "violet-bg"}, {"blue", "blue-bg"}, {"red", "panel"}}
	for _, text := range []string{"text", "dim", "link"} {
		for _, ground := range []string{"bg", "panel", "sunk"} {
			pairs = append(pairs, [2]string{text, ground})
		}
	}
	for _, ground := range []string{"mark", "green-bg", "red-bg", "amber-bg", "violet-bg", "blue-bg"} {
		pairs = append(pairs, [2]string{"text", ground})
	}
	for _, p := range pairs {
		for mode, name := range []string{"light", "dark"} {
			text, ground := colours[p[0]][mode], colours[p[1]][mode]
			if got := contrast(t, text, ground); got < 4.5 {
				t.Errorf("%s on %s, %s: %.2f", p[0], p[1], name, got)
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if len(colour) != 7 {
		t.Fatalf("colour %q", colour)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		must(t, err)
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
