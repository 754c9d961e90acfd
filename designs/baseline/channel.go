package baseline

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
)

const channelName = "channel"

// Channel is a buffered channel that holds the free items, first in first out.
type Channel struct {
	slots
	free chan designs.Item
}

// NewChannel makes a channel of config.Items items, all free. It returns an error when the item count is below 1 or memory is full.
func NewChannel(place kernel.Place, config designs.Config) (*Channel, error) {
	if err := config.Validate(nil); err != nil {
		return nil, fmt.Errorf("%s: %w", channelName, err)
	}
	s, err := newSlots(place, config.Items, config.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", channelName, err)
	}
	c := &Channel{slots: s, free: make(chan designs.Item, config.Items)}
	for i := range s.count {
		c.free <- s.item(i)
	}
	return c, nil
}

// Alloc receives an item, or answers kernel.ErrWouldBlock when the channel is empty. Any context but NMI.
func (c *Channel) Alloc(*kernel.Task, kernel.GFP) (designs.Item, error) {
	select {
	case it := <-c.free:
		return it, nil
	default:
		return 0, kernel.ErrWouldBlock
	}
}

// Free sends the item back. It panics on an item that is not the channel's, and when the channel is full. Any context but NMI.
func (c *Channel) Free(_ *kernel.Task, it designs.Item) {
	if _, ok := c.index(it); !ok {
		misuse(channelName, it, outOfRange)
	}
	select {
	case c.free <- it:
	default:
		misuse(channelName, it, tooMany)
	}
}

// Check looks at every free item. Only at quiescence: it takes them all out and puts them back in the same order.
func (c *Channel) Check() error {
	free := make([]designs.Item, len(c.free))
	for i := range free {
		free[i] = <-c.free
	}
	for _, it := range free {
		c.free <- it
	}
	return c.check(channelName, free)
}
