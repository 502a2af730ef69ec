// Compiles the devnet's contracts and the interfaces of the node's binding, and writes <Name>.abi and <Name>.bin.
// The compiler is pinned in package.json; the metadata hash is left out of the bytecode, so that the output
// depends on the sources and the compiler alone.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const solc = require('solc');

const tbtc = path.join(__dirname, '../../../chain/ethereum/tbtc');
const sources = {
  'tbtc/interfaces.sol': path.join(tbtc, 'interfaces.sol'),
  'Bridge.sol': path.join(__dirname, 'Bridge.sol'),
  'WalletProposalValidator.sol': path.join(__dirname, 'WalletProposalValidator.sol'),
};
// [source, contract, folder, file name, with bytecode]
const outputs = [
  ['tbtc/interfaces.sol', 'IBridge', tbtc, 'Bridge', false],
  ['tbtc/interfaces.sol', 'IWalletProposalValidator', tbtc, 'WalletProposalValidator', false],
  ['Bridge.sol', 'Bridge', __dirname, 'Bridge', true],
  ['WalletProposalValidator.sol', 'WalletProposalValidator', __dirname, 'WalletProposalValidator', true],
];

const input = {
  language: 'Solidity',
  sources: Object.fromEntries(
    Object.entries(sources).map(([name, file]) => [name, { content: fs.readFileSync(file, 'utf8') }])),
  settings: {
    evmVersion: 'paris', // the oldest target that the node's chains share
    optimizer: { enabled: true, runs: 200 },
    metadata: { bytecodeHash: 'none', appendCBOR: false },
    outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
  },
};

const result = JSON.parse(solc.compile(JSON.stringify(input)));
for (const complaint of result.errors ?? []) console.error(complaint.formattedMessage);
if ((result.errors ?? []).length > 0) process.exit(1);

for (const [source, contract, folder, name, withBytecode] of outputs) {
  const { abi, evm } = result.contracts[source][contract];
  fs.writeFileSync(path.join(folder, `${name}.abi`), JSON.stringify(abi, null, 2) + '\n');
  if (withBytecode) fs.writeFileSync(path.join(folder, `${name}.bin`), evm.bytecode.object + '\n');
}
