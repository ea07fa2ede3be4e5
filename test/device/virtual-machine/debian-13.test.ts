import { describePackages } from './packages.js';

describePackages('trixie', '6.12');
