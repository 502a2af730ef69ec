package feed

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Names of mailboxes of which every instance has one of its own, with all that every instance tells. They stay where they are.
const (
	LivePrefix   = "live."
	SignerPrefix = "signer."
	// maxResident leaves room for an echo's name.
	maxResident = MaxName - len(echoPrefix)
)

// Resident is the name of an instance's own mailbox, for a subscriber that has one at every instance under a common name: that name, a dot
// and the instance's name, or 16 hex digits of its hash where it is too long.
func Resident(common, instance string) string {
	name := common + "." + instance
	if len(name) <= maxResident {
		return name
	}
	sum := sha256.Sum256([]byte(instance))
	return common + "." + hex.EncodeToString(sum[:8])
}

// ResidentOf is whether a mailbox is a signer's own at some instance, by the signer's common name: "signer." and a word without dots.
func ResidentOf(common, mailbox string) bool {
	id, signers := strings.CutPrefix(common, SignerPrefix)
	at, its := strings.CutPrefix(mailbox, common+".")
	return signers && its && id != "" && at != "" && !strings.Contains(id, ".")
}

// Stays is whether a mailbox belongs to its instance and cannot move: one of live events, or a signer's own there.
func Stays(mailbox string) bool {
	id, signers := strings.CutPrefix(mailbox, SignerPrefix)
	return strings.HasPrefix(mailbox, LivePrefix) || signers && strings.Contains(id, ".")
}
