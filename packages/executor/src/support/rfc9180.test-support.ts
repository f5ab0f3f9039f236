/** One vector per suite from RFC 9180 Appendix A (test-vectors.json of the RFC), for machines without the whole file. */
export interface HpkeVector {
  readonly mode: number;
  readonly kem_id: number;
  readonly kdf_id: number;
  readonly aead_id: number;
  readonly info: string;
  readonly skRm: string;
  readonly pkRm: string;
  readonly enc: string;
  readonly encryptions: readonly {
    readonly aad: string;
    readonly ct?: string;
    readonly pt?: string;
    readonly ciphertext?: string;
    readonly plaintext?: string;
  }[];
}

export const RFC9180_VECTORS: readonly HpkeVector[] = [
  {
    mode: 0,
    kem_id: 32,
    kdf_id: 1,
    aead_id: 1,
    info: '4f6465206f6e2061204772656369616e2055726e',
    skRm: '4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8',
    pkRm: '3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d',
    enc: '37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431',
    encryptions: [
      {
        aad: '436f756e742d30',
        ct: 'f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a',
        pt: '4265617574792069732074727574682c20747275746820626561757479',
      },
    ],
  },
  {
    mode: 0,
    kem_id: 32,
    kdf_id: 1,
    aead_id: 3,
    info: '4f6465206f6e2061204772656369616e2055726e',
    skRm: '8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb',
    pkRm: '4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a',
    enc: '1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a',
    encryptions: [
      {
        aad: '436f756e742d30',
        ct: '1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28',
        pt: '4265617574792069732074727574682c20747275746820626561757479',
      },
    ],
  },
  {
    mode: 0,
    kem_id: 16,
    kdf_id: 1,
    aead_id: 1,
    info: '4f6465206f6e2061204772656369616e2055726e',
    skRm: 'f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2',
    pkRm: '04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0',
    enc: '04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4',
    encryptions: [
      {
        aad: '436f756e742d30',
        ct: '5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434',
        pt: '4265617574792069732074727574682c20747275746820626561757479',
      },
    ],
  },
  {
    mode: 0,
    kem_id: 16,
    kdf_id: 1,
    aead_id: 2,
    info: '4f6465206f6e2061204772656369616e2055726e',
    skRm: '317f915db7bc629c48fe765587897e01e282d3e8445f79f27f65d031a88082b2',
    pkRm: '04abc7e49a4c6b3566d77d0304addc6ed0e98512ffccf505e6a8e3eb25c685136f853148544876de76c0f2ef99cdc3a05ccf5ded7860c7c021238f9e2073d2356c',
    enc: '04c06b4f6bebc7bb495cb797ab753f911aff80aefb86fd8b6fcc35525f3ab5f03e0b21bd31a86c6048af3cb2d98e0d3bf01da5cc4c39ff5370d331a4f1f7d5a4e0',
    encryptions: [
      {
        aad: '436f756e742d30',
        ct: '58c61a45059d0c5704560e9d88b564a8b63f1364b8d1fcb3c4c6ddc1d291742465e902cd216f8908da49f8f96f',
        pt: '4265617574792069732074727574682c20747275746820626561757479',
      },
    ],
  },
];
