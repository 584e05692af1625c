# SPDX-License-Identifier: Apache-2.0
"""libvirt's Python binding against `samepage libvirtd`: calls that virsh does not make, and events.
    libvirt_client.py URI DOMAIN-XML-FILE
The domain has a balloon, two vCPUs and 16 MiB. Prints "done" when all is as it should be."""

import sys
import threading
import time

import libvirt

uri, xml_file = sys.argv[1:3]
with open(xml_file, encoding="utf-8") as file:
    xml = file.read()
libvirt.registerErrorHandler(lambda context, error: None, None)
libvirt.virEventRegisterDefaultImpl()
ended = threading.Event()


def loop():
    while not ended.is_set():
        libvirt.virEventRunDefaultImpl()


threading.Thread(target=loop, daemon=True).start()


def refused(call, code):
    try:
        call()
    except libvirt.libvirtError as error:
        assert error.get_error_code() == code, error
        return
    raise AssertionError("it was not refused")


connection = libvirt.open(uri)
assert connection.getType() == "Samepage"
assert connection.isSecure() and connection.isAlive()
assert connection.setKeepAlive(1, 3) == 0
assert connection.getMaxVcpus(None) >= 2
assert connection.getCellsFreeMemory(0, 1)[0] > 0
assert len(connection.getInfo()) == 8
assert connection.getCPUMap()[0] >= 1
assert connection.numOfDomains() == 0 and connection.listDomainsID() == []
assert "total" in connection.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)
assert "shm_pages_sharing" in connection.getMemoryParameters()
refused(lambda: connection.getSysinfo(), libvirt.VIR_ERR_NO_SUPPORT)
refused(lambda: connection.lookupByName("nobody"), libvirt.VIR_ERR_NO_DOMAIN)

told = []
changed = threading.Condition()


def on_event(_connection, domain, event, detail, _opaque):
    with changed:
        told.append((domain.name(), event, detail))
        changed.notify_all()


def wait_for_events(number):
    with changed:
        assert changed.wait_for(lambda: len(told) >= number, 60), told


def wait_until(what, holds):
    end = time.monotonic() + 200  # less than the test that runs this waits
    while not holds():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.005)


callback = connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, on_event, None)
domain = connection.defineXML(xml)
name = domain.name()
refused(domain.vcpus, libvirt.VIR_ERR_OPERATION_INVALID)
assert connection.numOfDefinedDomains() == 1 and connection.listDefinedDomains() == [name]
domain.create()
assert domain.ID() > 0 and connection.listDomainsID() == [domain.ID()]
assert connection.lookupByID(domain.ID()).UUID() == domain.UUID()
assert domain.isPersistent() and domain.autostart() == 0
assert domain.maxMemory() == 16384 and domain.maxVcpus() == 2
state, memory, current, vcpus, time_ns = domain.info()
assert (state, memory, vcpus) == (libvirt.VIR_DOMAIN_RUNNING, 16384, 2), domain.info()
assert len(domain.vcpus()[0]) == 2
assert domain.memoryStats()["actual"] == 16384
assert domain.OSType() == "hvm"
stats = dict((d.name(), s) for d, s in connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_BALLOON))
assert stats[name]["balloon.maximum"] == 16384 and "cpu.time" not in stats[name], stats
assert "cpu_time" in domain.getCPUStats(True)[0]
assert domain.setMemory(12288) == 0
refused(lambda: domain.setMemory(1 << 30), libvirt.VIR_ERR_INVALID_ARG)
refused(domain.reset, libvirt.VIR_ERR_NO_SUPPORT)
refused(lambda: domain.setVcpus(1), libvirt.VIR_ERR_NO_SUPPORT)
domain.suspend()
domain.resume()
domain.destroy()
domain.undefine()
wait_for_events(6)
assert told == [(name, 0, 0), (name, 2, 0), (name, 3, 0), (name, 4, 0), (name, 5, 1), (name, 1, 0)], told
connection.domainEventDeregisterAny(callback)

readonly = libvirt.openReadOnly(uri)
refused(lambda: readonly.createXML(xml), libvirt.VIR_ERR_OPERATION_DENIED)
readonly.close()

# A guest that ends with the connection that started it.
other = libvirt.open(uri)
domain = other.createXML(xml, libvirt.VIR_DOMAIN_START_AUTODESTROY)
assert connection.numOfDomains() == 1
del domain
other.close()
wait_until("the guest has ended with its connection", lambda: connection.numOfDomains() == 0)
ended.set()
connection.close()
print("done")
