package mempool
