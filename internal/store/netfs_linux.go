package store

import (
	"fmt"
	"syscall"
)

// networkKinds are the file systems that another machine can write to at the same time, by the numbers of Linux's
// include/uapi/linux/magic.h and of statfs(2).
var networkKinds = map[uint32]string{
	0x6969:     "NFS",
	0x517b:     "SMB",
	0xfe534d42: "SMB",
	0xff534d42: "CIFS",
	0x564c:     "NCP",
	0x5346414f: "AFS",
	0x6b414653: "AFS",
	0x73757245: "Coda",
	0x01021997: "9p",
	0x00c36400: "Ceph",
	0x0bd00bd0: "Lustre",
	0x01161970: "GFS2",
	0x7461636f: "OCFS2",
	0x19830326: "BeeGFS",
	0x47504653: "GPFS",
	0xaad7aaea: "PanFS",
	0x013111a8: "IBRIX",
}

// networkKind returns the kind of the network file system that holds dir, "" if the disk is this machine's own, as far as
// the kernel tells: what FUSE shows may be either.
func networkKind(dir string) (string, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return "", fmt.Errorf("look at the file system of %s: %w", dir, err)
	}
	return networkKinds[uint32(stat.Type)], nil //nolint:gosec // the numbers have 32 bits
}
