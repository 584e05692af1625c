// SPDX-License-Identifier: Apache-2.0
// Procedures that commands of virsh call and that we don't have: clients show the name.
#include <algorithm>
#include <iterator>

#include "manage/libvirt/procedures.hpp"

namespace samepage::libvirt {
namespace {

struct Missing {
  std::int32_t number;
  std::string_view function;
};

constexpr Missing table[]{
    {8, "virDomainAttachDevice"},
    {13, "virDomainDetachDevice"},
    {26, "virDomainPinVcpu"},
    {32, "virDomainSetVcpus"},
    {52, "virConnectNumOfNetworks"},
    {53, "virDomainCoreDump"},
    {54, "virDomainRestore"},
    {55, "virDomainSave"},
    {71, "virConnectNumOfStoragePools"},
    {103, "virDomainBlockPeek"},
    {104, "virDomainMemoryPeek"},
    {111, "virNodeNumOfDevices"},
    {126, "virConnectNumOfInterfaces"},
    {139, "virConnectNumOfSecrets"},
    {160, "virDomainAttachDeviceFlags"},
    {161, "virDomainDetachDeviceFlags"},
    {163, "virDomainGetJobInfo"},
    {174, "virDomainUpdateDeviceFlags"},
    {178, "virConnectNumOfNWFilters"},
    {182, "virDomainManagedSave"},
    {184, "virDomainManagedSaveRemove"},
    {185, "virDomainSnapshotCreateXML"},
    {194, "virDomainGetBlockInfo"},
    {197, "virDomainSetMemoryParameters"},
    {198, "virDomainGetMemoryParameters"},
    {199, "virDomainSetVcpusFlags"},
    {203, "virConnectGetSysinfo"},
    {210, "virDomainInjectNMI"},
    {211, "virDomainScreenshot"},
    {213, "virDomainMigrateBegin3"},
    {226, "virDomainSendKey"},
    {232, "virDomainSaveFlags"},
    {233, "virDomainRestoreFlags"},
    {245, "virDomainReset"},
    {251, "virDomainBlockResize"},
    {261, "virDomainPMSuspendForDuration"},
    {264, "virDomainSetMetadata"},
    {265, "virDomainGetMetadata"},
    {274, "virDomainListAllSnapshots"},
    {281, "virConnectListAllStoragePools"},
    {283, "virConnectListAllNetworks"},
    {284, "virConnectListAllInterfaces"},
    {285, "virConnectListAllNodeDevices"},
    {286, "virConnectListAllNWFilters"},
    {287, "virConnectListAllSecrets"},
    {308, "virDomainSetMemoryStatsPeriod"},
};

}  // namespace

std::string_view missing_procedure(std::int32_t number) {
  const auto* const found = std::find_if(std::begin(table), std::end(table),
                                         [&](const Missing& missing) { return missing.number == number; });
  return found == std::end(table) ? std::string_view() : found->function;
}

}  // namespace samepage::libvirt
