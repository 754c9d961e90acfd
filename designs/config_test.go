package designs_test

import (
	"testing"

	"headroom/designs"
)

// A number at its limit is taken, one beyond it is refused by name.
func TestValidateRefusesNumbersOutOfRange(t *testing.T) {
	most := designs.Config{Items: designs.Most, Bytes: designs.Most, Room: designs.Most}
	for _, c := range []struct {
		change func(c *designs.Config)
		says   string // "" when it is taken
	}{
		{func(*designs.Config) {}, ""},
		{func(c *designs.Config) { c.Items, c.Bytes, c.Room = 1, 0, 0 }, ""},
		{func(c *designs.Config) { c.Items = 0 }, "0 items: give at least 1"},
		{func(c *designs.Config) { c.Items++ }, "2147483649 items: give at most 2^31"},
		{func(c *designs.Config) { c.Bytes = -1 }, "-1 bytes an item: give 0 for none, or more"},
		{func(c *designs.Config) { c.Bytes++ }, "2147483649 bytes an item: give at most 2^31"},
		{func(c *designs.Config) { c.Room = -1 }, "room for -1 items: give 0 for just enough, or more"},
		{func(c *designs.Config) { c.Room++ }, "room for 2147483649 items: give at most 2^31"},
	} {
		config := most
		c.change(&config)
		err := config.Validate(nil)
		if c.says == "" && err != nil || c.says != "" && (err == nil || err.Error() != c.says) {
			t.Errorf("%+v: %v, want %q", config, err, c.says)
		}
	}
}
