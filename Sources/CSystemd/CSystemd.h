// libsystemd: the journal and the service manager. See sd_journal_sendv(3) and sd_notify(3).
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
